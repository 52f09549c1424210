"""Heads as people write them."""

from __future__ import annotations

import pytest

from icldiag.errors import AnalysisError
from icldiag.report.settings import heads_from, heads_text


@pytest.mark.parametrize("text", ["anchor", "17.3", "17.3,18.1", "0.0"])
def test_what_is_written_is_what_is_meant(text: str) -> None:
    assert heads_text(heads_from(text)) == text


def test_none_are_all() -> None:
    assert heads_from(None) == ()


@pytest.mark.parametrize("text", ["", "17", "17.", ".3", "17.3,", "a.b", "1.2.3", "-1.2", "anchors", "17,3"])
def test_anything_else_is_told_how(text: str) -> None:
    with pytest.raises(AnalysisError, match=r"--weighted-heads .*: write layer\.head as in 17\.3,18\.1, or anchor"):
        heads_from(text)
