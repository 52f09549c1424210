"""Names in a sentence: 'and 1 more' says less than the name."""

from __future__ import annotations

from icldiag.counting import few


def test_one_name_more_is_named() -> None:
    names = list("abcdef")
    assert few(names[:1], 3) == "a"
    assert few(names[:4], 3) == "a, b, c and d"
    assert few(names[:5], 3) == "a, b, c and 2 more"
