"""Orders of demonstrations: seeded samples of them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

ORDERS = 12


def sample_orders(count: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Up to ORDERS different orders of `count` demonstrations, without the present one."""
    own: Sequence[int] = tuple(range(count))
    wanted = min(ORDERS, math.factorial(min(count, 6)) - 1)
    generator = random.Random(seed)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < wanted:
        order = tuple(generator.sample(own, count))
        if order != own:
            found[order] = None
    return tuple(found)


def orders_by_last(labels: Sequence[int], seed: int, most: int) -> tuple[tuple[int, ...], ...]:
    """Up to `most` different orders of demonstrations with these labels, without the present one.

    The classes take turns to come last, each with as many demonstrations at the end as the present order's last class
    has there, so that what the last class does is told from what an order does.
    """
    own = tuple(range(len(labels)))
    run = last_run(labels)
    generator = random.Random(seed)
    classes = sorted(set(labels))
    generator.shuffle(classes)
    wanted = min(most, math.factorial(min(len(labels), 8)) - 1)
    found: dict[tuple[int, ...], None] = {}
    for turn in range(50 * most):  # a class with few orders, such as one of two demonstrations, is passed over
        if len(found) == wanted:
            break
        mates = [place for place in own if labels[place] == classes[turn % len(classes)]]
        end = generator.sample(mates, min(run, len(mates)))
        rest = [place for place in own if place not in end]
        order = (*generator.sample(rest, len(rest)), *end)
        if order != own:
            found.setdefault(order)
    return tuple(found)


def last_run(labels: Sequence[int | None]) -> int:
    """How many demonstrations at the end have the label of the last one; 0 of none."""
    return next((place for place, label in enumerate(reversed(labels)) if label != labels[-1]), len(labels))
