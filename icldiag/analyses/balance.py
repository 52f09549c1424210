"""As many demonstrations of each class: which ones stay, by a seeded ranking, whatever else is changed with it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence

DRAWS = 3

Ranking = tuple[int, ...]  # of all demonstrations: who stays first


def rankings(labels: Sequence[int | None], seed: int) -> tuple[Ranking, ...]:
    """`DRAWS` seeded rankings; none where all shown classes have as many demonstrations."""
    if len(set(Counter(labels).values())) < 2:
        return ()
    generator = random.Random(seed)
    return tuple(tuple(generator.sample(range(len(labels)), len(labels))) for _ in range(DRAWS))


def surplus(labels: Sequence[int | None], ranking: Ranking, without: Collection[int] = ()) -> set[int]:
    """Places that leave, so that every shown class has as many as the scarcest.

    Args:
        labels: of all demonstrations, changed ones too.
        without: places that have left already.
    """
    counts = Counter(label for place, label in enumerate(labels) if place not in without)
    room = dict.fromkeys(counts, min(counts.values(), default=0))
    leaving = set()
    for place in ranking:
        if place in without:
            continue
        if room[labels[place]]:
            room[labels[place]] -= 1
        else:
            leaving.add(place)
    return leaving
