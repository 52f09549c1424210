"""Stability: do the answers change with the order of the demonstrations, without one of them, or with balanced classes?

On a seeded sample of the labelled queries in which every class has as many, as far as there are any. The orders take
turns in which class comes last, so that recency (Zhao et al. 2021, arXiv 2102.09690: the label read last is answered)
is told from what else an order does. Where there are many demonstrations, whole classes are left out. Where some
classes have more demonstrations than others, the prompt is asked with as many of each.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from icldiag.analyses.balance import rankings, surplus
from icldiag.analyses.effect import SIGNIFICANT
from icldiag.analyses.estimates import mean_test
from icldiag.analyses.lab import Lab, Question
from icldiag.analyses.measures import labelled, score
from icldiag.analyses.orders import orders_by_last
from icldiag.analyses.overview.lean import LEAST_SHOWN
from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.readout import FloatArray, IntArray, Progress, silent, step_of

QUERIES = 24
ORDERS = 8
LEFT_OUT = 16  # demonstrations, or classes where there are more demonstrations


@dataclass(frozen=True, eq=False)
class Run:
    """The sample's m queries after other demonstrations: in another order, or with some left out."""

    places: tuple[int, ...]  # of the demonstrations that are shown, in this order
    scores: FloatArray  # (m, C)

    @property
    def predicted(self) -> IntArray:
        """(m,)"""
        return np.asarray(self.scores.argmax(1))


@dataclass(frozen=True, eq=False)
class Order(Run):
    """All demonstrations in another order."""

    last: int  # class of the last one


@dataclass(frozen=True, eq=False)
class LeftOut(Run):
    """The prompt without some demonstrations, all of one class."""

    without: tuple[int, ...]
    label: int
    alone: bool  # no other demonstration has their class
    text: FloatArray | None = None  # (C,) scores of the text of a single one, asked as a query that it is not shown to


@dataclass(frozen=True, eq=False)
class Stability:
    """m queries under changed demonstrations. `orders` and `left_out` are empty for a single demonstration."""

    queries: tuple[int, ...]  # of the prompt, ascending
    of: int  # queries that they were drawn from
    gold: tuple[int | None, ...]  # (m)
    scores: FloatArray  # (m, C) as the prompt is
    last: int  # class of the last demonstration
    orders: tuple[Order, ...]
    left_out: tuple[LeftOut, ...]
    seed: int
    balanced: tuple[Run, ...] = ()  # as many demonstrations of each class; empty where the classes have as many

    @property
    def predicted(self) -> IntArray:
        """(m,)"""
        return np.asarray(self.scores.argmax(1))

    @property
    def classes(self) -> IntArray:
        """(m,) gold labels, and where they are unknown the answers."""
        known = [answer if label is None else label for label, answer in zip(self.gold, self.predicted, strict=True)]
        return np.array(known, dtype=np.int64)

    @property
    def flips(self) -> FloatArray:
        """(m,) share of the orders in which a query is answered otherwise."""
        if not self.orders:
            return np.zeros(len(self.queries))
        return np.asarray(np.mean([order.predicted != self.predicted for order in self.orders], axis=0))

    def accuracy(self, predicted: IntArray) -> float | None:
        """Of answers (m,) to these queries; None where no gold label is known."""
        return score(predicted, self.gold, "accuracy")

    def leads(self, scores: FloatArray) -> FloatArray:
        """(m,) log p of the gold label over the best other one; where it is unknown, of the answer over its runner-up.

        Args:
            scores: (m, C) of these queries.
        """
        return leads(scores, self.scores, self.gold)

    @property
    def judged(self) -> bool:
        """Whether a gold label is known: else nobody can say whether what works against an answer harms."""
        return any(label is not None for label in self.gold)

    @property
    def lead(self) -> str:
        """Whose `leads` are, in words."""
        if not self.judged:
            return "the answer's lead"
        return "the gold label's lead" if None not in self.gold else "the lead of the gold label, or else the answer"

    def taken(self, run: LeftOut) -> FloatArray:
        """(m,) nats of the lead that the demonstrations left out take from each query; negative where they give."""
        return np.asarray(self.leads(run.scores) - self.leads(self.scores))

    @property
    def matrix(self) -> FloatArray:
        """(left out, m) of `taken`."""
        return np.array([self.taken(run) for run in self.left_out]).reshape(len(self.left_out), len(self.queries))

    @property
    def harmful(self) -> int | None:
        """Place in `left_out` of the one row that stands out: without it the mean lead grows, and more than without any
        other; by `mean_test`, corrected for the number of rows. Its groups are the classes: a wrong label takes from
        the texts of one and gives to those of another, and this is no chance. None where no gold label is known.
        """
        matrix = self.matrix
        if len(matrix) < 2 or not self.judged:
            return None
        most = int(matrix.mean(1).argmax())
        compared = [matrix[most], *(matrix[most] - matrix[row] for row in range(len(matrix)) if row != most)]
        sure = (mean_test(gains, self.classes) * len(matrix) < SIGNIFICANT for gains in compared)
        return most if matrix[most].mean() >= LEAST_SHOWN and all(sure) else None


@dataclass(frozen=True, eq=False)
class LeftOutSoFar:
    """As many of the `of` rows of what is left out as are asked; no orders yet."""

    stability: Stability
    of: int

    @property
    def whole(self) -> bool:
        return len(self.stability.left_out) == self.of


def leads(scores: FloatArray, answered: FloatArray, gold: Sequence[int | None]) -> FloatArray:
    """(m,) log p of the gold label over the best other one; where it is unknown, of the answer over its runner-up.

    Args:
        scores: (m, C)
        answered: (m, C) as the prompt is, which say what is answered and what is its runner-up.
    """
    rows, order = np.arange(len(scores)), np.argsort(-answered, axis=1)
    known = np.array([label is not None for label in gold], dtype=bool)
    wanted = np.where(known, [label or 0 for label in gold], order[:, 0])
    others = scores.copy()
    others[rows, wanted] = -np.inf
    rival = np.where(known, others.argmax(1), order[:, 1])
    return np.asarray(scores[rows, wanted] - scores[rows, rival])


def balanced_sample(gold: Sequence[int | None], most: int | None, seed: int) -> tuple[int, ...]:
    """Places of at most `most` labelled queries, the classes in turn; of all queries where none is labelled."""
    generator = random.Random(seed)
    places = labelled(gold).tolist() or list(range(len(gold)))
    if most is None or len(places) <= most:
        return tuple(places)
    generator.shuffle(places)
    turns: Counter[int | None] = Counter()
    numbered: list[tuple[int, int, int]] = []
    for place in places:  # the first of each class, then the second of each
        numbered.append((turns[gold[place]], len(numbered), place))
        turns[gold[place]] += 1
    return tuple(sorted(place for *_, place in sorted(numbered)[:most]))


def stability(
    lab: Lab,
    prediction: Prediction,
    most: int | None = QUERIES,
    seed: int = 0,
    progress: Progress = silent,
    *,
    only_left_out: bool = False,
    each: Callable[[LeftOutSoFar], object] | None = None,
) -> Stability:
    """Ask the sample after the demonstrations in other orders and without some of them, all as one list.

    Where `each` is to be told, what is left out is asked row by row before all else.

    Args:
        most: queries of the sample; None for all.
        seed: draws the sample and the orders.
        only_left_out: in no other order, and not with balanced classes.
    """
    shown = [example.label for example in lab.prompt.demonstrations]
    labels = [label for label in shown if label is not None]
    assert len(labels) == len(shown)  # the schema asks for it
    queries = balanced_sample(prediction.gold, most, seed)
    texts = [lab.prompt.queries[place] for place in queries]
    orders = orders_by_last(labels, seed, 0 if only_left_out else ORDERS)
    groups = _groups(labels, prediction)
    kept = [_less(labels, group) for group in groups]
    turns = () if only_left_out else rankings(labels, seed)
    balanced = [_less(labels, surplus(labels, ranking)) for ranking in turns]
    own = [lab.fitting([lab.prompt.demonstrations[place] for place in group if len(group) == 1]) for group in groups]
    without = [lab.question([*texts, *text], places) for text, places in zip(own, kept, strict=True)]
    asked: list[Question] = [
        *(lab.question(texts, places) for places in orders),
        *without,
        *(lab.question(texts, places) for places in balanced),
    ]
    known = Stability(
        queries=queries,
        of=int(len(labelled(prediction.gold)) or len(prediction)),
        gold=tuple(prediction.gold[place] for place in queries),
        scores=prediction.scores[list(queries)],
        last=labels[-1],
        orders=(),
        left_out=(),
        seed=seed,
    )

    def left_out(place: int, scores: FloatArray) -> LeftOut:
        group, m = groups[place], len(queries)
        alone = labels.count(labels[group[0]]) == len(group)
        text = scores[m] if len(scores) > m else None
        return LeftOut(kept[place], scores[:m], group, labels[group[0]], alone, text)

    if each is not None:
        for place, question in enumerate(without):  # the lab remembers what is asked here
            (scores,) = lab.ask([question], step_of(progress, "left out alone", place, len(groups)))
            known = replace(known, left_out=(*known.left_out, left_out(place, scores)))
            each(LeftOutSoFar(known, len(groups)))
    answers = iter(lab.ask(asked, progress) if asked else [])
    return replace(
        known,
        orders=tuple(Order(order, next(answers), labels[order[-1]]) for order in orders),
        left_out=tuple(left_out(place, next(answers)) for place in range(len(groups))),
        balanced=tuple(Run(places, next(answers)) for places in balanced),
    )


def _less(labels: Sequence[int], out: Collection[int]) -> tuple[int, ...]:
    return tuple(place for place in range(len(labels)) if place not in out)


def _groups(labels: Sequence[int], prediction: Prediction) -> list[tuple[int, ...]]:
    """What is left out together: each demonstration, or the classes, those that take most wrong answers first."""
    if len(labels) == 1:
        return []
    if len(labels) <= LEFT_OUT:
        return [(place,) for place in range(len(labels))]
    wrong = Counter(int(prediction.predicted[query]) for query in prediction.wrong)
    classes = sorted(set(labels), key=lambda label: (-wrong[label], labels.index(label)))
    if len(classes) == 1:
        return []
    chosen = sorted(classes[:LEFT_OUT])
    return [tuple(place for place, label in enumerate(labels) if label == of) for of in chosen]
