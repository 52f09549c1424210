"""What in the prompt its answers come from, as far as changed demonstrations tell.

- recency: the class that is shown last is answered, in whatever order.
- majority: one class has more demonstrations than any other, and more answers than with as many of each class.
- demonstration: one stands out as harmful (`Stability.harmful`).

Where the verdict has a label, only what draws answers to that label is a cause of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from icldiag.analyses.effect import SIGNIFICANT, mcnemar
from icldiag.analyses.overview.recency import Recency
from icldiag.analyses.overview.stability import LeftOut, Stability
from icldiag.model.readout import IntArray


@dataclass(frozen=True)
class PromptCause:
    """`label` is the class that answers are drawn to; `weight` the share of the answers that this moves."""

    kind: Literal["recency", "majority", "demonstration"]
    label: int
    weight: float


def most_shown(shown: Sequence[int]) -> int | None:
    """The class with more demonstrations than any other; None where there is none."""
    ranked = Counter(shown).most_common(2)
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]) else None


def share(predicted: Sequence[IntArray], label: int) -> float:
    """Mean share of a label in the answers of several runs."""
    return float(np.mean([np.mean(answers == label) for answers in predicted]))


def share_where_last(found: Stability, label: int, last: int) -> float | None:
    """Mean share of a label in the answers where the class `last` is shown last; None where it never is."""
    runs = [order.predicted for order in found.orders if order.last == last]
    if found.last == last:
        runs.append(found.predicted)
    return share(runs, label) if runs else None


def majority(found: Stability, shown: Sequence[int]) -> PromptCause | None:
    """Whether the class with most demonstrations has more answers than with balanced classes: a sign test over the
    queries, each with the mean of its balanced draws.
    """
    most = most_shown(shown)
    if most is None or not found.balanced:
        return None
    balanced = np.mean([run.predicted == most for run in found.balanced], axis=0)
    lost = (found.predicted == most) - balanced
    more, fewer = int((lost > 0).sum()), int((lost < 0).sum())
    if more <= fewer or mcnemar(more, fewer) >= SIGNIFICANT:
        return None
    return PromptCause("majority", most, float(lost.mean()))


def prompt_causes(
    found: Stability, shown: Sequence[int], recency: Recency | None, label: int | None
) -> tuple[PromptCause, ...]:
    """Those that are surely at work, the heaviest first.

    Args:
        shown: class of every demonstration.
        recency: None where it could not be seen.
        label: of the verdict; None where it has none.
    """
    causes = [majority(found, shown)]
    # A calibration may keep from this prompt's answers what its other orders show.
    if recency is not None and recency.sure and np.mean(found.predicted == found.last) > recency.otherwise:
        causes.append(PromptCause("recency", found.last, recency.excess))
    if found.harmful is not None:
        run: LeftOut = found.left_out[found.harmful]
        moved = float(np.mean(run.predicted != found.predicted))
        causes.append(PromptCause("demonstration", run.label, moved))
    drawn = [cause for cause in causes if cause is not None and label in (None, cause.label)]
    return tuple(sorted(drawn, key=lambda cause: -cause.weight))
