"""The line with the panels' names, as strings."""

from __future__ import annotations

from itertools import groupby

import pytest

from icldiag.render.look import PLAIN
from icldiag.render.tabs import Tab, row_width, tab_at, tab_row
from icldiag.tui.panels import PANELS
from icldiag.tui.tabs import TABS


def line(front: int, width: int, tabs: tuple[Tab, ...] = TABS) -> str:
    return "".join(piece.text for piece in tab_row(tabs, front, PLAIN, width))


def test_the_front_group_is_open_and_the_others_show_their_keys() -> None:
    keys = "Look inside 3 4 5 L T C B | Fix 9 6 7"
    assert line(0, 105) == f"Diagnose: [O Overview] 1 Why 2 Labels 8 Prompt H Demonstrations | {keys}"
    inside = "Look inside: 3 Flow [4 Isolate] 5 Extract L Depth T Patch C Contrast B Heads"
    assert line(6, 109) == f"Diagnose O 1 2 8 H | {inside} | Fix 9 6 7"
    assert line(6, 101) == f"O Diagnose | {inside} | 9 Fix"
    assert line(12, 68) == "O Diagnose | 3 Look inside | Fix: [9 Repair] 6 Reweight 7 Compress"
    assert "5 Extract L Depth T Patch C Contrast B Heads | Fix: 9 Repair" in line(0, 200)


@pytest.mark.parametrize("front", range(len(TABS)))
def test_on_160_columns_every_tab_has_its_name(front: int) -> None:
    text = line(front, 158)
    assert len(text) <= 158
    assert all(f"{tab.key} {tab.title}" in text for tab in TABS)


def test_the_last_group_is_open_too_where_that_has_room() -> None:
    assert line(0, 134).endswith(" | Look inside 3 4 5 L T C B | Fix: 9 Repair 6 Reweight 7 Compress")
    assert line(4, 118).endswith(" | Look inside 3 4 5 L T C B | Fix 9 6 7")


def test_names_are_kept_rather_than_the_groups_own_and_the_others_keys() -> None:
    assert line(0, 77) == "[O Overview] 1 Why 2 Labels 8 Prompt H Demonstrations | 3 Look inside | 9 Fix"


def test_where_the_group_does_not_fit_the_others_of_it_show_their_keys() -> None:
    assert line(8, 56) == "O Diagnose|Look inside: 3 4 5 [L Depth] T C B|9 Fix"


@pytest.mark.parametrize("width", [64, 78, 80, 98, 118, 200])
@pytest.mark.parametrize("front", range(len(TABS)))
def test_nothing_is_cut_off(front: int, width: int) -> None:
    text, tab = line(front, width), TABS[front]
    assert len(text) <= width
    assert f"[{tab.key} {tab.title}]" in text
    assert all(other.group in text for other in TABS if other.group != tab.group)


def test_with_two_panels_more_every_group_is_there() -> None:
    added = [Tab(key, name, "Look inside") for key, name in (("C", "Contrast"), ("T", "Patching"))]
    fix = next(place for place, tab in enumerate(TABS) if tab.group == "Fix")
    tabs = (*TABS[:fix], *added, *TABS[fix:])
    for front, tab in enumerate(tabs):
        text = line(front, 77, tabs)
        assert len(text) <= 77
        assert f"[{tab.key} {tab.title}]" in text
        assert all(other.group in text for other in tabs if other.group != tab.group)
    assert line(fix + 1, 77, tabs).endswith("C [T Patching] | Fix 9 6 7")


def test_more_panels_than_fit_leave_their_keys() -> None:
    more = tuple(Tab(chr(ord("A") + place), f"Panel {place}", "Look inside") for place in range(9))
    assert line(3, 120, more).startswith("Look inside: A Panel 0 B Panel 1")
    assert line(3, 40, more) == "Look inside: A B C [D Panel 3] E F G H I"
    assert line(3, 39, more) == "A B C [D Panel 3] E F G H I"


def test_a_click_finds_the_panel_or_the_first_of_a_group() -> None:
    pieces = tab_row(TABS, 0, PLAIN, 112)
    text = "".join(piece.text for piece in pieces)
    for word, title in (
        ("2 Labels", "Labels"),
        ("Look", "Flow"),
        ("5", "Extract"),
        ("Fix", "Repair"),
        ("7", "Compress"),
    ):
        place = tab_at(pieces, text.index(word))
        assert place is not None
        assert PANELS[place].title == title
    assert tab_at(pieces, text.index("|")) is None
    assert tab_at(pieces, row_width(pieces)) is None


def test_the_registry_keeps_a_group_together_and_has_no_key_twice() -> None:
    groups = [group for group, _ in groupby(panel.group for panel in PANELS)]
    assert len(groups) == len(set(groups)) == 3
    assert len({panel.key for panel in PANELS}) == len(PANELS)
    assert "0" not in {panel.key for panel in PANELS}
