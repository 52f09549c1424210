"""What to do next: at most three changes, each with the gain that it promises on queries it was not made from.

Of several candidates of a family, such as eight orders, the best is lucky too. So the queries are cut in halves: the
candidate that is best on the one half is measured on the other, and the gain is that of both halves together. The one
that is offered is the best on all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from icldiag.analyses.effect import SIGNIFICANT, Effect, effect
from icldiag.analyses.measures import Criterion, criterion, labelled, score
from icldiag.analyses.overview.lean import Lean, halves
from icldiag.analyses.overview.stability import Stability
from icldiag.model.readout import FloatArray, IntArray
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import with_demonstrations
from icldiag.prompt.schema import Prompt

FEWEST = 8  # labelled queries, below which a gain says nothing
MOST = 3

Family = Literal["calibration", "order", "drop"]


@dataclass(frozen=True, eq=False)
class Action:
    """A change of the prompt; `calibration` or `places`, the demonstrations that it shows, says what becomes of it."""

    family: Family
    effect: Effect  # on labelled queries, none of which it was fitted on or chosen by
    criterion: Criterion
    before: float  # by the criterion, on these queries
    after: float
    calibration: Calibration | None = None
    places: tuple[int, ...] | None = None
    without: tuple[int, ...] = ()  # demonstrations that it leaves out

    @property
    def gain(self) -> float:
        return self.after - self.before

    @property
    def significant(self) -> bool:
        """Whether McNemar's exact test finds that it is not chance."""
        return self.effect.p_value < SIGNIFICANT

    def apply(self, prompt: Prompt) -> Prompt:
        """The changed prompt. A calibration that was made for other demonstrations does not go with it."""
        if self.places is None:
            return replace(prompt, calibration=self.calibration)
        return with_demonstrations(prompt, [prompt.demonstrations[place] for place in self.places])


def actions(
    gold: Sequence[int | None], scores: FloatArray, lean: Lean | None, stability: Stability | None, seed: int = 0
) -> tuple[Action, ...]:
    """Those that gain, what is surest to gain first. None where fewer than 8 queries are labelled.

    Args:
        gold, scores: (n), (n, C) of all queries as the prompt is.
        seed: of the halves.
    """
    if len(labelled(gold)) < FEWEST:
        return ()
    by = criterion(gold, scores.shape[1])
    found: list[Action | None] = []
    if lean is not None:
        chosen = _Choice(gold, scores, by, lean.seed)
        calibrations = [one.calibration for one in lean.calibrated]
        found.append(
            chosen.action(
                [one.scores for one in lean.calibrated],
                lambda place, **measured: Action("calibration", calibration=calibrations[place], **measured),
            )
        )
    if stability is not None and len(labelled(stability.gold)) >= FEWEST:
        chosen = _Choice(stability.gold, stability.scores, by, seed)
        orders = stability.orders
        dropped = [run for run in stability.left_out if not run.alone]
        found.append(
            chosen.action(
                [run.scores for run in orders],
                lambda place, **measured: Action("order", places=orders[place].places, **measured),
            )
        )
        found.append(
            chosen.action(
                [run.scores for run in dropped],
                lambda place, **measured: Action(
                    "drop", places=dropped[place].places, without=dropped[place].without, **measured
                ),
            )
        )
    gaining = [one for one in found if one is not None and one.gain > 0]
    return tuple(sorted(gaining, key=lambda one: (one.effect.p_value, -one.gain))[:MOST])


@dataclass(frozen=True)
class _Choice:
    """Chooses by one half of the queries, and measures on the other."""

    gold: Sequence[int | None]
    before: FloatArray  # (n, C)
    by: Criterion
    seed: int

    def action(self, candidates: Sequence[FloatArray], make: Callable[..., Action]) -> Action | None:
        """The best of the candidates' scores (n, C); None without any."""
        if not candidates:
            return None
        after = self.before.copy()
        parts = halves(len(self.before), self.seed)
        for own, other in (parts, parts[::-1]):
            after[own] = candidates[self._best(candidates, other)][own]
        before_score, after_score = (score(scores.argmax(1), self.gold, self.by) for scores in (self.before, after))
        assert before_score is not None
        assert after_score is not None
        return make(
            self._best(candidates, np.arange(len(self.before), dtype=np.int64)),
            effect=effect(self.before, after, self.gold),
            criterion=self.by,
            before=before_score,
            after=after_score,
        )

    def _best(self, candidates: Sequence[FloatArray], places: IntArray) -> int:
        """By the criterion on these queries; of equals the one with the more probable gold labels."""
        gold = [self.gold[place] for place in places]

        def rank(candidate: int) -> tuple[float, float]:
            scores = candidates[candidate][places]
            gain = effect(self.before[places], scores, gold).likelihood_gain
            return score(scores.argmax(1), gold, self.by) or 0.0, gain

        return max(range(len(candidates)), key=rank)
