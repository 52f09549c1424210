"""What is done about a cause: the change that neutralised it, as a repair that can be applied to the prompt."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.balance import surplus
from icldiag.analyses.explanation.compute import Explanation
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.order import order_name
from icldiag.analyses.explanation.prior import PriorSource
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.search.repair import Family, Repair
from icldiag.counting import joined
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Label, Prompt


def cure(cause: Cause, found: Explanation, prompt: Prompt) -> Repair | None:
    """The cause's own change as a repair of the prompt that was explained.

    None where there is no such change of a prompt file: another template for the queries, stronger attention; classes
    that are confused; where the demonstrations are chosen for each query; and where the change is not what was
    measured, since changed texts take a calibration or a beta off.
    """
    factor = next((one for one in found.shares.factors if one.kind == cause.kind), None)
    if factor is None or prompt.calibration is not None or prompt.beta is not None or prompt.retrieval is not None:
        return None
    if factor.divided:
        return _divided(cause, found, prompt)
    if factor.scoring is not None:
        return Repair("scoring", factor.change, prompt.demonstrations, prompt.labels, scoring=factor.scoring)
    if factor.words is not None:
        words = zip(prompt.labels, factor.words, strict=True)
        labels = tuple(Label(label.name, word) for label, word in words)
        return Repair("word", factor.change, prompt.demonstrations, labels)
    return _of_demonstrations(factor, found, prompt)


def _divided(cause: Cause, found: Explanation, prompt: Prompt) -> Repair | None:
    """By the prior whose division confirmed the cause; where that is the factor's own run, by the contextual one."""
    source = measured(cause, found)
    if source is None:
        return None
    calibration = Calibration.dividing(source.kind, source.probabilities.tolist())
    name = f"{source.kind} prior divided out"
    return Repair("calibration", name, prompt.demonstrations, prompt.labels, calibration)


def measured(cause: Cause, found: Explanation) -> PriorSource | None:
    """The measurement of the prior that confirmed the cause, or else the contextual one."""
    confirmed = (source for source in found.prior.sources if source.divided == cause.confirmed_by)
    return next(confirmed, found.prior.source("contextual"))


def _of_demonstrations(factor: Factor, found: Explanation, prompt: Prompt) -> Repair | None:
    shown = list(prompt.demonstrations)
    family: Family = "drop"
    if factor.relabelled is not None:
        shown[factor.relabelled] = replace(shown[factor.relabelled], label=found.contest.rival)
        family = "replace"
    out = set(factor.without)
    if factor.ranking is not None:
        out |= surplus([example.label for example in shown], factor.ranking, out)
    order = range(len(shown)) if factor.order is None else factor.order
    after = tuple(shown[place] for place in order if place not in out)
    name = factor.change
    if factor.ranking is not None and out:
        name += f", without {joined([str(place + 1) for place in sorted(out)], 'and')}"
    if factor.order is not None:
        family, name = "order", order_name(factor.order)
    return None if after in ((), prompt.demonstrations) else Repair(family, name, after, prompt.labels)
