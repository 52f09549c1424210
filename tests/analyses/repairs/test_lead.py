"""What the overview names is fixed first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from icldiag.analyses.repairs.demonstrations import deletions, first_demonstrations, replacements
from icldiag.analyses.repairs.lead import families
from icldiag.analyses.repairs.order import orders
from icldiag.analyses.repairs.retrieval import retrievals
from icldiag.analyses.repairs.turns import turns
from icldiag.analyses.repairs.words import words

USUAL = [turns, first_demonstrations, replacements, orders, deletions, words, retrievals]


def overview(harmful: tuple[int, ...] = (), orders_first: bool = False, elsewhere: bool = False) -> Any:
    return SimpleNamespace(harmful=harmful, orders_first=orders_first, verdict=SimpleNamespace(elsewhere=elsewhere))


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (None, []),
        (overview(), []),
        (overview(harmful=(2, 3)), [deletions, replacements]),
        (overview(orders_first=True), [orders]),
        (overview(elsewhere=True), [turns, words]),
        (overview((1,), True, True), [deletions, replacements, orders, turns, words]),
    ],
)
def test_what_is_wrong_is_mended_first_and_the_rest_is_tried_too(found: Any, first: list[Any]) -> None:
    order = families(found)
    assert order[: len(first)] == first
    assert order[len(first) :] == [family for family in USUAL if family not in first]
