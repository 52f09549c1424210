"""What a repair did to labelled texts: the same texts answered before and after it.

McNemar's exact test looks at the texts whose answer went from wrong to right (b, mended) or from right to wrong (c,
broken); if the repair did nothing, each of the b + c is as likely to be the one as the other, so

    p = P(|X - n/2| >= |b - n/2|),  X ~ Binomial(n = b + c, 1/2)

With fewer than six such texts p cannot fall below 0.05, whatever they say.

Where the same texts were looked at before for another repair, the k-th look's p is multiplied by k (k - 1) from the
second on. Of a two-sided p below 0.05 half the luck is gains, so by luck the first look shows a gain with a chance of
0.025 at most, and all later looks together too, as 1 / (k (k - 1)) sums to 1: over any number of looks, 0.05.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.model.readout import FloatArray, label_probabilities

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Effect:
    """Answers to `count` labelled texts before and after a repair; `mended` and `broken` are their places.

    `balanced_gain` is the mean over the classes of what each class's share of right answers gained; net / count where
    the classes have as many texts. `looks` counts the effects that were measured on these texts for a choice, this one
    among them.
    """

    count: int
    right_before: int
    mended: tuple[int, ...]
    broken: tuple[int, ...]
    likelihood_gain: float  # mean over the texts of log p(gold) after, less before; 0 without texts
    balanced_gain: float = 0.0
    looks: int = 0  # 0: it was not measured to choose by

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
    def correction(self) -> int:
        """What p is multiplied by for the looks."""
        return max(1, self.looks * (self.looks - 1))

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided, corrected for the looks; 1 where none was mended or broken."""
        return min(1.0, mcnemar(len(self.mended), len(self.broken)) * self.correction)

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share gained, 95 % and wider for the looks; `paired_interval`."""
        return paired_interval(len(self.mended), len(self.broken), self.count, 1 - SIGNIFICANT / self.correction)

    @property
    def sure(self) -> bool:
        """Whether it gains, and that is unlikely to be chance."""
        return self.net > 0 and self.p_value < SIGNIFICANT


def paired_interval(mended: int, broken: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Of the difference of two shares of the same texts, mended less broken; (0, 0) where nothing changed.

    Bonett and Price's adjusted interval for paired shares (J. Educ. Behav. Stat. 37, 2012), as other texts would have
    another number of changed ones; at each end no narrower than Clopper and Pearson's of the mended among the changed,
    so that it holds 0 where McNemar's exact test has a p not below 1 - confidence.
    """
    changed = mended + broken
    if not changed:
        return 0.0, 0.0
    from scipy.stats import binomtest, norm  # slow to import

    of_changed = binomtest(mended, changed, 0.5).proportion_ci(confidence)
    gained = (mended - broken) / (count + 2)
    half = norm.ppf((1 + confidence) / 2) * (((changed + 2) / (count + 2) - gained**2) / (count + 2)) ** 0.5
    low = min(gained - half, (2 * of_changed.low - 1) * changed / count)
    high = max(gained + half, (2 * of_changed.high - 1) * changed / count)
    return max(-1.0, float(low)), min(1.0, float(high))


def mcnemar(mended: int, broken: int) -> float:
    """The two-sided p-value of `mended` against `broken`."""
    from scipy.stats import binomtest  # slow to import

    return float(binomtest(mended, mended + broken, 0.5).pvalue) if mended + broken else 1.0


def effect(before: FloatArray, after: FloatArray, gold: Sequence[int | None], looks: int = 0) -> Effect:
    """Compare label scores, (n, C) each; texts without a gold label are left out."""
    places = [place for place, label in enumerate(gold) if label is not None]
    if not places:
        return Effect(0, 0, (), (), 0.0)
    wanted = np.array([gold[place] for place in places])
    old, new = before[places].argmax(1) == wanted, after[places].argmax(1) == wanted
    rows = np.arange(len(places))
    chances = [np.log(label_probabilities(scores[places])[rows, wanted] + 1e-12) for scores in (before, after)]
    gained = new.astype(float) - old
    return Effect(
        count=len(places),
        right_before=int(old.sum()),
        mended=tuple(places[row] for row in np.flatnonzero(new & ~old)),
        broken=tuple(places[row] for row in np.flatnonzero(old & ~new)),
        likelihood_gain=float((chances[1] - chances[0]).mean()),
        balanced_gain=float(np.mean([gained[wanted == label].mean() for label in np.unique(wanted)])),
        looks=looks,
    )
