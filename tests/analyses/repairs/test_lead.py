"""What the overview names is mended first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from icldiag.analyses.repairs.demonstrations import deletions, replacements
from icldiag.analyses.repairs.lead import families, harmful_demonstrations
from icldiag.analyses.repairs.order import orders
from icldiag.analyses.repairs.words import words

USUAL = [replacements, orders, deletions, words]


def overview(harmful: int | None = None, excess: float = 0.0, p: float = 1.0, elsewhere: bool = False) -> Any:
    left_out = (SimpleNamespace(without=(0,)), SimpleNamespace(without=(2, 3)))
    return SimpleNamespace(
        stability=SimpleNamespace(harmful=harmful, left_out=left_out),
        recency=SimpleNamespace(excess=excess, p_value=p),
        verdict=SimpleNamespace(elsewhere=elsewhere),
    )


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (None, []),
        (overview(), []),
        (overview(harmful=1), [deletions, replacements]),
        (overview(excess=0.3, p=0.01), [orders]),
        (overview(excess=0.3, p=0.2), []),
        (overview(excess=-0.3, p=0.01), []),
        (overview(elsewhere=True), [words]),
        (overview(1, 0.3, 0.01, True), [deletions, replacements, orders, words]),
    ],
)
def test_what_is_wrong_is_mended_first_and_the_rest_is_tried_too(found: Any, first: list[Any]) -> None:
    order = families(found)
    assert order[: len(first)] == first
    assert order[len(first) :] == [family for family in USUAL if family not in first]


def test_the_demonstrations_that_stand_out() -> None:
    assert harmful_demonstrations(overview(harmful=1)) == {2, 3}
    assert harmful_demonstrations(overview()) == harmful_demonstrations(None) == frozenset()
