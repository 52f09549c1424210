"""Evidence: where the scores do not separate the two classes, is one demonstration's label why?

Each demonstration of the answer's class gets the rival's label, by itself, and the other queries are asked (`others`).
With a wrong label put right the scores separate the classes; with a right one made wrong they do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.explanation.contest import Contest
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.factors import demonstration_factor
from icldiag.analyses.explanation.others import Check, Others, checks
from icldiag.analyses.lab import Inquiry, Lab

MOST = 8  # demonstrations, those that the answer owes most to


@dataclass(frozen=True)
class Relabelling:
    """What a demonstration's other label does to other queries of the two classes."""

    demonstration: int
    check: Check


def relabellings(
    lab: Lab, contest: Contest, effects: tuple[DemonstrationEffect, ...], others: Others
) -> Inquiry[tuple[Relabelling, ...]]:
    """Give each of the answer's demonstrations the rival's label; none where no other queries can be asked."""
    own = [effect for effect in effects if effect.label == contest.answer and not effect.alone]
    places = sorted(effect.index for effect in sorted(own, key=lambda effect: effect.change)[:MOST])
    found = yield from checks(lab, contest, [demonstration_factor(lab, contest, one, True) for one in places], others)
    return tuple(Relabelling(place, one) for place, one in zip(places, found, strict=True) if one is not None)


def most_separating(
    effects: tuple[DemonstrationEffect, ...], relabelled: tuple[Relabelling, ...]
) -> DemonstrationEffect | None:
    """The one with whose other label the two classes are separated best; of several, the one that gains most."""
    best = max(relabelled, key=lambda one: (one.check.auc, one.check.gain), default=None)
    return None if best is None else next(effect for effect in effects if effect.index == best.demonstration)
