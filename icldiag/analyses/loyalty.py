"""Loyalty: how much of the unmodified model's answers survives an intervention (Wang et al. 2023, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.model.readout import FloatArray, IntArray, Readout

TOP = 5  # the paper's k for word loyalty; the released isolation notebook uses 10


@dataclass(frozen=True)
class Answers:
    """What n queries were answered under an intervention, against the unmodified model."""

    probabilities: FloatArray  # (n, C)
    predicted: IntArray  # (n,)
    label_loyalty: float  # share of queries whose predicted label is the unmodified model's
    word_loyalty: float  # mean Jaccard similarity of the top-k vocabulary tokens
    accuracy: float | None  # None where no gold label is known
    before: IntArray  # (n,) what the unmodified model predicted
    gold: tuple[int | None, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What is undefined, and why."""
        return () if self.accuracy is not None else ("no accuracy: no query's gold label is known",)

    @property
    def flipped(self) -> tuple[int, ...]:
        """Queries whose predicted label changed."""
        return tuple(int(query) for query in np.flatnonzero(self.before != self.predicted))

    @property
    def mended(self) -> tuple[int, ...]:
        """Queries that were wrong and are right."""
        return tuple(query for query in self.flipped if self.gold[query] == self.predicted[query])

    @property
    def broken(self) -> tuple[int, ...]:
        """Queries that were right and are wrong."""
        return tuple(query for query in self.flipped if self.gold[query] == self.before[query])

    @property
    def unjudged(self) -> tuple[int, ...]:
        """Queries whose answer changed and whose gold label is unknown."""
        return tuple(query for query in self.flipped if self.gold[query] is None)

    @property
    def right(self) -> tuple[int, int]:
        """How many labelled queries were right before, and are now."""
        labelled = [(query, gold) for query, gold in enumerate(self.gold) if gold is not None]
        before, now = (sum(of[query] == gold for query, gold in labelled) for of in (self.before, self.predicted))
        return int(before), int(now)

    @property
    def loyalties(self) -> dict[str, float | None]:
        """The three numbers of a row in the paper's tables."""
        return {
            "label_loyalty": self.label_loyalty,
            "word_loyalty": self.word_loyalty,
            "accuracy": self.accuracy,
        }


def compare(before: Readout, after: Readout, gold: tuple[int | None, ...], top: int = TOP) -> Answers:
    """Measure the answers `after` an intervention against those `before` it."""
    old, new = before.probabilities.argmax(1), after.probabilities.argmax(1)
    labelled = [query for query, label in enumerate(gold) if label is not None]
    right = [new[query] == gold[query] for query in labelled]
    return Answers(
        probabilities=after.probabilities,
        predicted=new,
        label_loyalty=float((old == new).mean()),
        word_loyalty=word_loyalty(before.top_tokens[:, :top], after.top_tokens[:, :top]),
        accuracy=float(np.mean(right)) if labelled else None,
        before=old,
        gold=gold,
    )


def word_loyalty(before: IntArray, after: IntArray) -> float:
    """Mean over queries of |A & B| / |A | B| for the rows' sets of tokens, (n, k) each."""
    shares = []
    for old, new in zip(before.tolist(), after.tolist(), strict=True):
        shares.append(len(set(old) & set(new)) / len(set(old) | set(new)))
    return float(np.mean(shares))
