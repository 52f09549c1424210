"""Which changes of the prompt are tried first: those that mend what its answers show to be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from icldiag.analyses.repairs.demonstrations import deletions, replacements
from icldiag.analyses.repairs.order import orders
from icldiag.analyses.repairs.repair import Repair
from icldiag.analyses.repairs.search import Search
from icldiag.analyses.repairs.words import words

Family = Callable[[Search], Iterator[Repair]]

LITTLE_MASS = 0.5  # of the vocabulary's probability: most of it is on other words than the label words


def families(search: Search, label_mass: float | None) -> list[Family]:
    """In the order of their turns.

    Args:
        label_mass: mean share of the vocabulary's probability that the label words hold, where it is known.
    """
    order: list[Family] = [replacements, orders, deletions, words]
    first: list[Family] = []
    if label_mass is not None and label_mass < LITTLE_MASS:
        first.append(words)
    if _favours_what_it_read_last(search):
        first.append(orders)
    return [*first, *(family for family in order if family not in first)]


def _favours_what_it_read_last(search: Search) -> bool:
    """Whether the last demonstration's class is the one that is answered too often by most."""
    (scores,) = search.scores(search.start, search.parts.selection)
    classes = len(search.prompt.labels)
    answers = np.bincount(scores.argmax(1), minlength=classes)
    gold = np.bincount([example.label or 0 for example in search.parts.selection], minlength=classes)
    last = search.prompt.demonstrations[-1].label
    return last is not None and int(np.argmax(answers - gold)) == last and answers[last] > gold[last]
