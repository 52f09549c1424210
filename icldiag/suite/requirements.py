"""What is required of a prompt's answers, and whether it holds.

Each requirement is judged on what is measured, whose interval is told beside it: with 20 queries an accuracy of 0.80
may be one of 0.58. A baseline is an earlier report: what counts against the prompt is what was right in it and is wrong
now, by McNemar's exact test against what went the other way, or by a number that may not be passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from icldiag.analyses.effect import SIGNIFICANT, mcnemar
from icldiag.analyses.measures import Measures, measures
from icldiag.analyses.overview.compute import MeasurePriors
from icldiag.counting import counted
from icldiag.model.readout import Progress
from icldiag.page.text import ranges
from icldiag.quoting import quoted
from icldiag.report.answers import effect_of, matched_queries
from icldiag.report.document import make_report
from icldiag.session import Session

_NO_GOLD = "no query has a gold label"


@dataclass(frozen=True)
class Outcome:
    """Of one requirement, in a sentence that names what was measured."""

    requirement: str
    holds: bool
    text: str


@dataclass(frozen=True)
class Requirements:
    """None is not required.

    max_lean: nats by which the prior favours a label at most, in each of the ways in which it is measured; with the
        prompt's calibration, if it has one, in force.
    max_broken: of the baseline's right answers, how many may be wrong; None allows what chance could be.
    """

    min_accuracy: float | None = None
    min_balanced_accuracy: float | None = None
    max_lean: float | None = None
    max_broken: int | None = None

    def outcomes(
        self, session: Session, progress: Progress, baseline: dict[str, Any] | None = None
    ) -> Iterator[Outcome]:
        """Judge a prompt. Raises IcldiagError: it cannot be answered.

        Args:
            baseline: an earlier report's values, with the section `prediction`.
        """
        prediction = session.prediction(progress)
        found = measures(prediction.predicted, prediction.gold, len(prediction.labels))
        if self.min_accuracy is not None:
            yield _at_least("accuracy", self.min_accuracy, found, lambda found: (found.accuracy.value, found.accuracy))
        if self.min_balanced_accuracy is not None:
            yield _at_least(
                "balanced accuracy",
                self.min_balanced_accuracy,
                found,
                lambda found: (found.balanced_accuracy, found.balanced_interval),
            )
        if self.max_lean is not None:
            yield _lean(session, progress, self.max_lean)
        if baseline is not None:
            now = make_report(session, ["prediction"], progress=progress).values()
            yield against(baseline, now, self.max_broken)


def _at_least(
    name: str, least: float, found: Measures | None, number: Callable[[Measures], tuple[float, object]]
) -> Outcome:
    wanted = f"at least {least:g} is required"
    if found is None:
        return Outcome(name, False, f"{_NO_GOLD}, so there is no {name}; {wanted}")
    value, interval = number(found)
    shown = f"{value:.2f}" if interval is None else str(interval)
    return Outcome(name, value >= least, f"{name} {shown} on {counted(found.count, 'labelled query')}; {wanted}")


def _lean(session: Session, progress: Progress, most: float) -> Outcome:
    """By the strongest of the measured priors."""
    priors = session.ask(MeasurePriors(), progress)
    strongest = max(priors, key=lambda prior: prior.strength)
    label = strongest.favours([quoted(name) for name in session.prompt.label_names])
    calibration = session.prompt.calibration
    text = "" if calibration is None else f"with the {calibration.kind} calibration in force "
    text += f"the {strongest.kind} prior favours {label} by {strongest.strength:.2f} nats, the most of "
    text += f"{counted(len(priors), 'measurement')}; at most {most:g} is allowed"
    return Outcome("lean", strongest.strength <= most, text)


def against(baseline: dict[str, Any], now: dict[str, Any], max_broken: int | None) -> Outcome:
    """Answers now against those of the baseline, on the queries that both have."""
    pairs = list(matched_queries(baseline, now))
    if not pairs and baseline["redacted"]:
        text = (
            "the baseline is redacted, and of another prompt or an earlier version: without texts or ids its queries "
        )
        return Outcome("baseline", False, f"{text}cannot be told; make it without --redact")
    if not pairs:
        return Outcome("baseline", False, "the baseline has no query of this prompt; make it again")
    effects = [effect_of(old, new) for (_, old), (_, new) in pairs]
    broken = [number for (_, (number, _)), effect in zip(pairs, effects, strict=True) if effect == "broken"]
    fixed = effects.count("fixed")
    chance = mcnemar(fixed, len(broken))
    text = f"of {counted(len(pairs), 'query')} in both, {len(broken)} right in the baseline "
    text += f"{'is' if len(broken) == 1 else 'are'} wrong now"
    text += f" ({ranges(broken)})" if broken else ""
    text += f" and {fixed} the other way (McNemar p = {chance:.2g})"
    if max_broken is not None:
        return Outcome("baseline", len(broken) <= max_broken, f"{text}; at most {max_broken} may be wrong")
    worse = len(broken) > fixed and chance < SIGNIFICANT
    return Outcome("baseline", not worse, f"{text}; fewer, or no more than by chance, are allowed")
