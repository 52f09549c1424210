"""Key D: what the session changed, as a diff against the file; and e on an unchanged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.edit import drop, swap
from icldiag.render.look import DARK
from icldiag.tui.edits import Edits
from icldiag.tui.help import changes_text
from icldiag.tui.sheet import Sheet
from tests.tui.pilot import running, settle
from tests.tui.test_desk import Table
from tests.tui.test_desk import table as table


def test_a_change_is_a_line_of_the_diff(table: Table, prompt_file: Path) -> None:
    desk, _, _ = table
    edits = Edits(desk)
    assert edits.changes() == []
    edits.change(lambda prompt: swap(prompt, 0, 1))
    edits.change(lambda prompt: drop(prompt, 0))
    lines = edits.changes()
    assert lines is not None
    assert any(line.startswith("-") and "Where is the park ?" in line for line in lines)
    assert not any(line.startswith("+") and "park" in line for line in lines)
    prompt_file.unlink()
    assert edits.changes() == lines  # the session knows what the file held
    edits.undo()
    edits.undo()
    assert edits.changes() == []


def test_where_the_session_has_no_copy_the_file_is_read(table: Table, prompt_file: Path) -> None:
    desk, _, _ = table
    edits, before = Edits(desk), desk.state.prompt
    assert before is not None
    edits.change(lambda prompt: drop(prompt, 0))
    desk.state.undo.clear()
    lines = edits.changes()
    assert lines
    assert any(line.startswith("-") and "opera" in line for line in lines)
    prompt_file.write_text(prompt_file.read_text().replace("bridges", "boats"))
    assert edits.changes() is None
    prompt_file.unlink()
    with pytest.raises(PromptError):
        edits.changes()


def test_a_text_is_no_markup() -> None:
    text = changes_text(["@@ -1 +1 @@", "-[red]a", "+b\x1b[31m", " c"], DARK)
    assert text.plain.split("\n")[1] == "-[red]a"
    assert "\x1b" not in text.plain


async def test_the_key_shows_them(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("D")
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert "as in the file" in [note.message for note in app._notifications][-1]
        app.edits.change(lambda prompt: drop(prompt, 0))
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("D")
        await pilot.pause()
        assert isinstance(app.screen, Sheet)
        await pilot.press("D")
        await pilot.pause()
        assert len(app.screen_stack) == 1
