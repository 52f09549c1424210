"""Like labels stand together."""

from __future__ import annotations

import numpy as np

from icldiag.analyses.clusters import alike_together


def test_two_blocks_are_found_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    block = rng.permutation(np.repeat([0, 1, 2], 5))
    points = block[:, None] * 10.0 + rng.normal(size=(15, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    order = alike_together(distance)
    assert sorted(order) == list(range(15))
    assert np.count_nonzero(np.diff(block[list(order)])) == 2


def test_undefined_distances_and_few_labels() -> None:
    distance = np.array([[1.0, np.nan, 0.1], [np.nan, 1.0, 0.9], [0.1, 0.9, 1.0]])
    assert abs(alike_together(distance).index(0) - alike_together(distance).index(2)) == 1
    assert alike_together(np.full((4, 4), np.nan)) == (0, 1, 2, 3)
    assert alike_together(distance[:2, :2]) == (0, 1)
    assert np.isnan(distance[0, 1])  # the argument is left as it was
