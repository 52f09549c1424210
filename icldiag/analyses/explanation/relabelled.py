"""Evidence: is a demonstration's label wrong? Each that may be gets the rival's label, and the other queries are asked.

The odds are Bayes': what is expected beforehand, times how much likelier its text is one of the rival's, times how much
likelier the other queries' labels are if it is shown with that label. Expected is one wrong label in every second
prompt, as likely at the demonstration that the answer owes most to as at any of the others. It is three times as likely
where with it put right the prompt would show all classes equally often: if half of all prompts do, and half of the
others have such counts by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, strongest
from icldiag.analyses.explanation.factors import demonstration_factor, neutralised
from icldiag.analyses.explanation.others import Check, Others, check, likelihood
from icldiag.analyses.lab import Inquiry, Lab, Question

MOST = 8  # demonstrations, those whose texts are likeliest the rival's
DOUBT = 1.0  # nats by which a text may speak for its label: of 89 wrong labels that odds named, none did by more
LIKELY = math.log(3 * 19)  # from these odds on a wrong label is called probable: 3 to 1 if one prompt in twenty has one
SURE = math.log(20)  # odds that leave little doubt
EVEN = math.log(3)  # what counts that one wrong label explains add to the odds


@dataclass(frozen=True)
class Relabelling:
    """What a demonstration's other label does to this query, and to other queries of the two classes."""

    demonstration: int
    run: Counterfactual
    check: Check
    likelihood: float  # of the other queries' labels, in nats more than with the label it has


def relabellings(
    lab: Lab, contest: Contest, effects: tuple[DemonstrationEffect, ...], others: Others
) -> Inquiry[tuple[Relabelling, ...]]:
    """Give each of the answer's demonstrations the rival's label, unless its text speaks clearly for the one it has.

    None where no other queries can be asked, nor a prompt that would be too long then.
    """
    if not others.both:
        return ()
    doubtful = [effect for effect in _suspects(contest, effects) if _read(effect) > -DOUBT]
    queries = [lab.prompt.queries[place] for place in (contest.query, *others.queries)]
    asked: dict[int, tuple[str, Question]] = {}
    for place in sorted(effect.index for effect in sorted(doubtful, key=_read, reverse=True)[:MOST]):
        factor = demonstration_factor(lab, contest, place, True)
        question = neutralised(lab, contest, [factor], queries)
        if lab.can_ask(question):  # the rival's word may be longer, and the context window full
            asked[place] = factor.change, question
    answers = yield [question for _, question in asked.values()]
    before, found = likelihood(others, others.scores), []
    for (place, (change, _)), scores in zip(asked.items(), answers, strict=True):
        checked = check(others, scores[1:])
        assert checked is not None  # there are some of both classes
        run = counterfactual(contest, change, scores[0])
        found.append(Relabelling(place, run, checked, likelihood(others, scores[1:]) - before))
    return tuple(found)


def with_odds(
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    relabelled: Sequence[Relabelling],
    counts: Sequence[int],
) -> tuple[DemonstrationEffect, ...]:
    """The same with the odds of a wrong label, where anything is known of it.

    Args:
        counts: demonstrations of each class.
    """
    suspects = _suspects(contest, effects)
    most = strongest(tuple(suspects))
    asked = {one.demonstration: one.likelihood for one in relabelled}
    even = EVEN if evened(counts, contest) else 0.0

    def told(effect: DemonstrationEffect) -> DemonstrationEffect:
        by = asked.get(effect.index)
        if effect not in suspects or (effect.likelihood is None and by is None):
            return effect
        ways = 2 if effect is most else 2 * max(1, len(suspects) - 1)
        odds = even - math.log(ways) + (effect.likelihood or 0.0) + (by or 0.0)
        return replace(effect, relabelled=by, odds=odds)

    return tuple(map(told, effects))


def evened(counts: Sequence[int], contest: Contest) -> bool:
    """Whether one of the answer's demonstrations as the rival's would make all classes shown equally often."""
    shown = list(counts)
    shown[contest.answer] -= 1
    shown[contest.rival] += 1
    return len(set(shown)) == 1


def suspect_of(
    contest: Contest,
    effects: tuple[DemonstrationEffect, ...],
    relabelled: Sequence[Relabelling],
    confused: bool,
) -> DemonstrationEffect | None:
    """Of the answer's demonstrations the one whose label is likeliest wrong; where none is, the one it owes most to.

    Where classes are confused a wrong label may be why, however unlikely. A label that weighs on this answer comes
    before one that does not. The only demonstration of a class is no suspect: without it the class is not shown, and
    that its answer goes then says nothing.

    Args:
        confused: whether the scores do not separate the two classes.
    """
    suspects = _suspects(contest, effects)
    known = [effect for effect in suspects if effect.mislabelled or (confused and effect.odds is not None)]
    weighing = {one.demonstration for one in relabelled if contest.weighs(one.run)}
    if not known:
        return strongest(tuple(suspects))
    return max(known, key=lambda effect: (effect.index in weighing, effect.odds or 0.0))


def _suspects(contest: Contest, effects: Sequence[DemonstrationEffect]) -> list[DemonstrationEffect]:
    return [effect for effect in effects if effect.label == contest.answer and not effect.alone]


def _read(effect: DemonstrationEffect) -> float:
    return 0.0 if effect.likelihood is None else effect.likelihood
