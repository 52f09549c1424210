"""Candidates: the same demonstrations in another order (Lu et al. 2022, arXiv 2104.08786)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from icldiag.analyses.search.repair import Repair, change
from icldiag.analyses.search.search import Search
from icldiag.prompt.edit import with_demonstrations


def orders(search: Search) -> Iterator[Repair]:
    """The failed query's class last, for a model that favours what it read last; reversed; then at random."""
    shown = search.prompt.demonstrations
    tried = {tuple(example.label for example in shown) + tuple(example.text for example in shown)}
    for order in _orders(search):
        moved = [shown[place] for place in order]
        content = tuple(example.label for example in moved) + tuple(example.text for example in moved)
        if content not in tried:
            tried.add(content)
            name = "order " + " ".join(str(place + 1) for place in order)
            yield change("order", name, with_demonstrations(search.prompt, moved))


def _orders(search: Search) -> Iterator[Sequence[int]]:
    shown = search.prompt.demonstrations
    places = list(range(len(shown)))
    gold = None if search.query is None else search.prompt.queries[search.query].label
    yield sorted(places, key=lambda place: shown[place].label == gold)  # stable: the others keep their order
    yield places[::-1]
    generator = random.Random(search.seed)
    for _ in range(min(10 * math.factorial(min(len(places), 6)), 1000)):  # most of the orders of a short prompt
        yield generator.sample(places, len(places))
