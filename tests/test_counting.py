"""Names in a sentence: 'and 1 more' says less than the name."""

from __future__ import annotations

from icldiag.counting import few, how_far


def test_one_name_more_is_named() -> None:
    names = list("abcdef")
    assert few(names[:1], 3) == "a"
    assert few(names[:4], 3) == "a, b, c and d"
    assert few(names[:5], 3) == "a, b, c and 2 more"


def test_thousands_are_a_share() -> None:
    assert how_far(3, 40) == "3 of 40"
    assert how_far(999, 999) == "999 of 999"
    assert how_far(3104, 9412) == "32%"
    assert how_far(9411, 9412) == "99%"  # the whole is said when it is done
