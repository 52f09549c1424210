"""The last line: as many keys as have room, and always the one that lists all."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.tui.app import DiagnosisApp
from icldiag.tui.footer import KeyLine, footer_keys
from icldiag.tui.keys import in_force
from icldiag.tui.sheet import Sheet
from tests.tui.pilot import running, screen_text, settle


def line(listing: bool, width: int) -> str:
    keys = footer_keys(in_force(DiagnosisApp.BINDINGS, {}), listing, width)
    return " ".join(f"{key} {word}" for _, key, word in keys)


@pytest.mark.parametrize("listing", [True, False])
def test_the_key_that_lists_all_is_always_there(listing: bool) -> None:
    for width in range(10, 200):
        said = line(listing, width)
        assert said.endswith("? all keys")
        assert len(said) <= width


def test_the_most_wanted_come_first() -> None:
    assert line(False, 60) == "q quit n wrong / filter o list a ask p pin e edit ? all keys"
    assert line(False, 80).endswith("x export ^p palette ? all keys")
    for hint in ("S sort", "+ mark", "^d scroll"):
        assert hint in line(False, 120)


def test_over_the_list_stands_what_works_on_it() -> None:
    assert line(True, 80).startswith("o close list S sort + mark / filter ")


def test_a_key_of_the_users_is_named() -> None:
    keys = footer_keys(in_force(DiagnosisApp.BINDINGS, {"app.export": "ctrl+e"}), False, 80)
    assert ("ctrl+e", "^e", "export") in keys


async def test_it_follows_what_is_in_front_and_can_be_clicked(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert screen_text(app).rstrip().endswith(line(False, 80))
        await pilot.press("o")
        await settle(pilot, lambda: screen_text(app).rstrip().endswith(line(True, 80)))
        await pilot.press("o")
        await settle(pilot, lambda: screen_text(app).rstrip().endswith(line(False, 80)))
        await pilot.click(KeyLine, offset=(75, 0))
        await settle(pilot, lambda: isinstance(app.screen, Sheet))


async def test_a_notice_covers_as_few_lines_as_it_can(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        said = "A notice of one sentence that has room in one line of eighty."
        app.tell(said)
        await settle(pilot, lambda: said in screen_text(app))
        assert app.screen.query("Toast").first().outer_size.height == 1
