"""Key hints as strings."""

from __future__ import annotations

from icldiag.render.hints import hint_lines
from icldiag.render.look import DARK

PAIRS = [("[", "layer down"), ("]", "layer up"), ("m", "next pair"), ("M", "previous pair"), ("x", "a long action")]


def test_two_directions_are_one_hint_and_no_hint_is_cut() -> None:
    assert hint_lines(PAIRS, DARK, 30).plain.split("\n") == [" [ ] layer  m M next pair ", " x a long action "]
    assert hint_lines(PAIRS, DARK, 80).plain == " [ ] layer  m M next pair  x a long action "
    assert hint_lines(PAIRS, DARK, 30, lines=1).plain == " [ ] layer  m M next pair "


def test_keys_that_show_alike_are_shown_once() -> None:
    arrows = [("arrows", f"cell {way}") for way in ("left", "right", "up", "down")]
    assert hint_lines(arrows, DARK, 40).plain == " arrows cell "
