"""The prompt's own verdict, as far as it is about one query's answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.explanation.favourite import favourite_of
from icldiag.analyses.overview import Overview
from tests.analyses.overview.made import batch_lean, overview_of, two_classes


def answered(gold: Sequence[int | None], answers: Sequence[int]) -> Overview:
    return overview_of(2.0 * np.eye(3)[list(answers)], gold)


def test_the_label_that_is_answered_always_is_the_favourite() -> None:
    found = favourite_of(answered([0, 1, 0, 1], [0] * 4), 1)
    assert found is not None
    assert found.alike
    assert (found.right, found.labelled, found.undone) == (2, 4, None)
    assert favourite_of(answered([0] * 4, [0] * 4), 1) is None  # all alike, and right
    assert favourite_of(answered([0, 1, 0], [0] * 3), 1) is None  # too few
    unknown = favourite_of(answered([None] * 5, [0] * 5), 1)
    assert unknown is not None
    assert unknown.labelled == 0


def test_a_label_that_takes_what_it_should_not_is_the_favourite_of_those_answers() -> None:
    taken = [*[1] * 7, 0, 2]
    found = answered(taken, [*[0] * 7, 0, 2])  # 7 wrong to 0 missed, of three labels
    assert favourite_of(found, 0) is not None
    assert favourite_of(found, 8) is None  # answered otherwise
    assert favourite_of(answered(taken, [*[0] * 6, 1, 0, 2]), 0) is None  # 6 to 0 may be chance


def test_what_undoes_the_lean_mends_a_query_or_not() -> None:
    scores, gold = two_classes(20, apart=4, shift=9)
    overview = overview_of(scores, gold, lean=batch_lean(scores, gold))
    found = [favourite_of(overview, query) for query in range(len(gold)) if gold[query] == 0]
    mends = [of.undone.mends for of in found if of is not None and of.undone is not None]
    assert len(mends) == 20
    assert mends == [bool(overview.explains(query)) for query in range(len(gold)) if gold[query] == 0]
    assert any(mends)
    first = found[0]
    assert first is not None
    assert first.undone is not None
    assert first.undone.kind == "batch"
