"""An export says what it is, is stopped from everywhere, and is never lost without a word."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from icldiag.analyses import ANALYSES
from icldiag.analyses.extraction.compute import Extract
from icldiag.model.readout import silent
from icldiag.page import formats
from icldiag.page.blocks import Page
from icldiag.session import Session
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.export import QuitScreen
from icldiag.tui.export_screen import FORMATS, ExportChoice, ExportScreen
from icldiag.tui.panels import PANELS
from tests.tui.pilot import running, says, screen_text, settle, until

SIZE = (150, 40)


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[threading.Event]:
    """The export's extraction goes on only when this is set."""
    go, ask = threading.Event(), Session.ask

    def slowly(session: Session, request: Any, progress: Any = silent, each: Any = None) -> Any:
        while isinstance(request, Extract) and not go.wait(0.01):  # before its turn, so that others have theirs
            progress("extraction", 3, 9)
        return ask(session, request, progress, each)

    monkeypatch.setattr(Session, "ask", slowly)
    monkeypatch.chdir(tmp_path)
    yield go
    go.set()


def told(app: DiagnosisApp) -> list[str]:
    return [f"{notification.title}: {notification.message}" for notification in app._notifications]


async def begun(app: DiagnosisApp, pilot: Pilot[None]) -> None:
    await settle(pilot, lambda: app.state.prediction)
    app.export.choice = ExportChoice("everything")
    await pilot.press("x", "enter")
    await until(pilot, lambda: f" of {len(ANALYSES)}: extraction 3 of 9" in screen_text(app))


@pytest.mark.parametrize("panel", range(len(PANELS)))
async def test_escape_stops_it_from_any_panel(
    panel: int, prompt_file: Path, model_folder: Path, go: threading.Event
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await begun(app, pilot)
        await pilot.press(PANELS[panel].key)
        await until(pilot, lambda: app.panel.title == PANELS[panel].title)
        if panel % 2:
            app.panel.focus()
        own = getattr(app.panel, "job", "") in app.state.doing  # has begun: escape stops it first
        await pilot.press("escape", *(["escape"] if own else []))
        await until(pilot, lambda: not app.export.running)
        await until(pilot, lambda: told(app))
        assert told(app)[-1].startswith("Export stopped: Nothing was written.")


async def test_what_was_written_is_told_when_it_is_stopped(
    prompt_file: Path, model_folder: Path, go: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, held, on = formats.FILES["md"], threading.Event(), threading.Event()

    def slow(page: Page) -> str:
        held.set()
        assert on.wait(30)
        return original.text(page)

    monkeypatch.setitem(formats.FILES, "md", replace(original, text=slow))
    go.set()
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.export.choice = ExportChoice("everything")
        await pilot.press("x", "enter")
        await until(pilot, held.is_set)
        assert (tmp_path / "prompt-report.html").exists()  # as soon as it is ready
        await pilot.press("escape")
        on.set()
        await settle(pilot, lambda: told(app))
        assert told(app)[-1].startswith("Export stopped: Written before:")
        assert str(tmp_path / "prompt-report.html") in told(app)[-1]
        assert not (tmp_path / "prompt-report.json").exists()


async def test_changes_do_not_stop_it_and_a_second_key_does_not_begin_it_again(
    prompt_file: Path, model_folder: Path, go: threading.Event, tmp_path: Path
) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await begun(app, pilot)
        await pilot.press("x", "8", "d")
        await until(pilot, lambda: app.state.prediction and len(app.state.prompt.demonstrations) == 2)  # type: ignore[union-attr]
        assert app.export.running
        assert any("is running" in text for text in told(app))
        go.set()
        await settle(pilot, lambda: any("Written" in text for text in told(app)))
    assert (
        "Who wrote the opera ?" in (tmp_path / "prompt-report.json").read_text()
    )  # as it was when the key was pressed


async def test_quitting_asks(prompt_file: Path, model_folder: Path, go: threading.Event, tmp_path: Path) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await begun(app, pilot)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QuitScreen))
        await until(pilot, lambda: "wait for it, then quit" in screen_text(app))
        left, right = app.screen.query_one("#ask").region.x, app.size.width - app.screen.query_one("#ask").region.right
        assert abs(left - right) <= 1  # in the middle, as all dialogs
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, QuitScreen))
        assert app.export.running
        await pilot.press("q", "w")
        await until(pilot, lambda: any("quits when" in text for text in told(app)))
        assert app.is_running
        go.set()
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 0
    assert (tmp_path / "prompt-report.json").exists()


async def test_quitting_at_once(prompt_file: Path, model_folder: Path, go: threading.Event, tmp_path: Path) -> None:
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await begun(app, pilot)
        await pilot.press("q", "q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 0
    assert not list(tmp_path.glob("prompt-report*"))


async def test_an_export_that_fails_after_waiting_does_not_quit(
    prompt_file: Path, model_folder: Path, go: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(report: Any) -> str:
        raise OSError(28, "no space")

    monkeypatch.setitem(formats.FILES, "html", replace(formats.FILES["html"], text=full))
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await begun(app, pilot)
        await pilot.press("q", "enter")
        go.set()
        await settle(pilot, lambda: any(text.startswith("Not written") for text in told(app)))
        assert app.is_running


def test_rows_are_toggled() -> None:
    choice = ExportChoice()
    assert choice.toggled("panel").scope == "panel"
    assert choice.toggled("md").formats == ("html", "json")
    assert choice.toggled("csv").formats == ("html", "md", "json", "csv")
    assert choice.toggled("redact").redact
    assert all(choice.toggled(name).toggled(name) == choice for name in FORMATS)


async def test_the_dialog_chooses_scope_formats_and_redaction(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await settle(pilot, lambda: app.panel.settled())
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await until(pilot, lambda: "(o) everything computed so far" in screen_text(app))
        assert "this panel (Extract)" in screen_text(app)
        assert "made if new (tab / ~ . go to it)" in screen_text(app)  # in one line
        listing = app.screen.query_one(OptionList)
        assert listing.virtual_size.height == listing.option_count  # none takes two lines
        await pilot.press("j", "space")
        await until(pilot, lambda: "(o) this panel" in screen_text(app))
        await pilot.press("j", "j", "j", "space", "j", "space", "G", "end", "space")  # no HTML, no Markdown, redacted
        await pilot.press("enter")
        await settle(pilot, lambda: told(app))
        assert app.export.choice == ExportChoice("panel", ("json",), True)
        assert [path.name for path in tmp_path.glob("prompt-report*")] == ["prompt-report.json"]
        found = json.loads((tmp_path / "prompt-report.json").read_text())
        assert "extraction" in found
        assert "confusion" not in found
        assert found["prompt"]["demonstrations"][0]["text"] == "demonstration 1"
        await pilot.press("x", "escape")
        await until(pilot, lambda: not isinstance(app.screen, ExportScreen))
        assert not app.export.running


async def test_it_goes_into_the_folder_that_is_typed(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "for jkx").write_text("a file")
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await pilot.press("tab", "ctrl+u", *"for jkx", "enter")
        await until(pilot, lambda: says(app, "it is a file"))
        line = app.screen.query_one(Input)
        assert (line.value, app.export.running) == ("for jkx", False)
        await pilot.press("backspace", *"/new", "enter")  # which is made
        await settle(pilot, lambda: told(app))
    assert sorted(path.suffix for path in (tmp_path / "for jk" / "new").iterdir()) == [".html", ".json", ".md"]


async def test_a_path_that_is_typed_over_the_list_goes_to_the_folder(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for typed in ("/jk", "~/x", "../jk"):
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, ExportScreen))
            await pilot.press(*typed)
            await until(pilot, lambda typed=typed: app.screen.query_one(Input).value == typed)  # type: ignore[misc]
            if typed != "../jk":
                await pilot.press("escape")
                await until(pilot, lambda: not isinstance(app.screen, ExportScreen))
        await pilot.press("enter")
        await settle(pilot, lambda: told(app))
    assert sorted(path.suffix for path in (tmp_path / "jk").iterdir()) == [".html", ".json", ".md"]


async def test_a_format_of_the_palette_asks_for_the_rest(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await app.run_action("export('text')")
        await until(pilot, lambda: says(app, "[x] text"))
        assert app.screen.query_one(Input).value == str(tmp_path)
        await pilot.press("enter")
        await settle(pilot, lambda: told(app))
        assert str(tmp_path / "prompt-report.txt") in told(app)[-1]
    assert [path.name for path in tmp_path.glob("prompt-report*")] == ["prompt-report.txt"]


async def test_what_is_computed_is_exported_and_nothing_else_is_computed(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, SIZE) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for panel in ("5", "3"):  # Extract, and Flow of this query
            await pilot.press(panel)
            await settle(pilot, lambda: app.panel.settled())
        assert app.state.session is not None
        before, query = set(app.state.session._results), app.state.query
        await pilot.press("x", "enter")
        await settle(pilot, lambda: told(app))
        assert set(app.state.session._results) - before <= {("tokens", one) for one in range(5)}
    found = json.loads((tmp_path / "prompt-report.json").read_text())
    assert "extraction" in found
    assert [flow["query"] for flow in found["saliency"]["queries"]] == [query]
    assert found["left_out"]["compression"] == "not computed yet"
