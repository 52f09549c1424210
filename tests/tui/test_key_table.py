"""Keys mean one thing each, and docs/keys.md has all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.binding import Binding

from icldiag.tui import key_table
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.repairs import RepairPanel

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_a_key_means_one_thing() -> None:
    assert key_table.collisions() == []


@pytest.mark.parametrize("key", ["j", "n", "0", "question_mark", "q", "r", "i", "J", "D", "x"])
def test_a_panel_that_takes_a_key_of_everywhere_is_found(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = PANELS[0]
    monkeypatch.setattr(panel, "BINDINGS", [*panel.BINDINGS, Binding(key, "again", "again")])
    (wrong,) = key_table.collisions()
    assert wrong.startswith(f"Panel {panel.title}: {key} is 'again', everywhere ")


def test_a_letter_of_several_panels_has_one_meaning() -> None:
    """Begin, apply, show otherwise; what else is on a letter in two panels is named in its hint."""
    bound = {
        (binding.key, panel.title): str(binding.action)
        for panel in PANELS
        for binding in panel.BINDINGS
        if isinstance(binding, Binding)
    }
    begins = {"again", "value", "sweep", "shares", "search", "train", "measure", "delete"}
    assert {action for (key, _), action in bound.items() if key == "t"} == {"apply"}
    assert {key for (key, _), action in bound.items() if action.startswith("save")} == {"w"}
    assert {action for (key, _), action in bound.items() if key == "s"} <= begins


def test_two_actions_on_one_key_of_a_panel_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = RepairPanel
    monkeypatch.setattr(panel, "BINDINGS", [*panel.BINDINGS, Binding("w", "again", "again")])
    assert key_table.collisions() == [f"Panel {panel.title}: w is 'save' and 'again'"]


def test_the_page_is_of_these_bindings() -> None:
    assert (DOCS / "keys.md").read_text() == key_table.as_markdown(), "run python tools/pages.py"


def test_a_key_that_a_message_names_in_a_panel_does_what_it_says() -> None:
    does = {"saves": "save", "save": "save", "undoes": "undo"}
    told = [
        (key, title, does[verb])
        for path in Path(key_table.__file__).parent.rglob("*.py")
        for key, title, after in re.findall(
            r"\b([a-zA-Z0-9]) in panel ([A-Z]\w+)(?: (saves|undoes))?", path.read_text(encoding="utf-8")
        )
        for verb in [after or "save"]
    ]
    assert len(told) >= 4
    actions = {
        (binding.key, panel.title): str(binding.action)
        for panel in PANELS
        for binding in panel.BINDINGS
        if isinstance(binding, Binding)
    }
    for key, title, verb in told:
        assert actions[key, title].startswith(verb), (key, title, verb)
