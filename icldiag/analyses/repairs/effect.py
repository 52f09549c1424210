"""What a repair did to labelled texts: the same texts answered before and after it.

McNemar's exact test looks at the texts whose answer went from wrong to right (b, mended) or from right to wrong (c,
broken); if the repair did nothing, each of the b + c is as likely to be the one as the other, so

    p = P(|X - n/2| >= |b - n/2|),  X ~ Binomial(n = b + c, 1/2)

With fewer than six such texts p cannot fall below 0.05, whatever they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from icldiag.model.readout import FloatArray, label_probabilities


@dataclass(frozen=True)
class Effect:
    """Answers to `count` labelled texts before and after a repair; `mended` and `broken` are their places."""

    count: int
    right_before: int
    mended: tuple[int, ...]
    broken: tuple[int, ...]
    likelihood_gain: float  # mean over the texts of log p(gold) after, less before; 0 without texts

    @property
    def net(self) -> int:
        """Texts mended less texts broken."""
        return len(self.mended) - len(self.broken)

    @property
    def right_after(self) -> int:
        return self.right_before + self.net

    @property
    def accuracy_before(self) -> float | None:
        return self.right_before / self.count if self.count else None

    @property
    def accuracy_after(self) -> float | None:
        return self.right_after / self.count if self.count else None

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided; 1 where no answer changed between right and wrong."""
        return mcnemar(len(self.mended), len(self.broken))


def mcnemar(mended: int, broken: int) -> float:
    """The two-sided p-value of `mended` against `broken`."""
    return float(binomtest(mended, mended + broken, 0.5).pvalue) if mended + broken else 1.0


def effect(before: FloatArray, after: FloatArray, gold: Sequence[int | None]) -> Effect:
    """Compare label scores, (n, C) each; texts without a gold label are left out."""
    places = [place for place, label in enumerate(gold) if label is not None]
    if not places:
        return Effect(0, 0, (), (), 0.0)
    wanted = np.array([gold[place] for place in places])
    old, new = before[places].argmax(1) == wanted, after[places].argmax(1) == wanted
    rows = np.arange(len(places))
    chances = [np.log(label_probabilities(scores[places])[rows, wanted] + 1e-12) for scores in (before, after)]
    return Effect(
        count=len(places),
        right_before=int(old.sum()),
        mended=tuple(places[row] for row in np.flatnonzero(new & ~old)),
        broken=tuple(places[row] for row in np.flatnonzero(old & ~new)),
        likelihood_gain=float((chances[1] - chances[0]).mean()),
    )
