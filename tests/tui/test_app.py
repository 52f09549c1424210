"""The app through Pilot, on a tiny model: loading, walking, panels, wrong files, odd texts, small screens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from textual.widgets import Input, OptionList

from icldiag.analyses.extraction.compute import Extract
from icldiag.page.figures import FigureType
from icldiag.page.formats import FOLDERS
from icldiag.report import write
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.export_screen import FORMATS, ExportChoice
from icldiag.tui.panels import PANELS
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.query_order import telling_query
from tests.tui.pilot import PROMPT, lines_of, running, screen_text, settle

NASTY = "[/red] [b \\e[31m {0} \\u202e"


async def test_it_loads_and_shows_the_wrong_queries_first(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        text = screen_text(app)
        assert "prompt.yaml" in text  # painted before the model is there
        assert "Overview: what is wrong with the prompt" in text
        await settle(pilot, lambda: app.state.prediction)
        prediction = app.state.prediction
        assert prediction is not None
        listed = app.query_one(Queries).order
        assert listed[: len(prediction.wrong)] == list(prediction.wrong)
        assert sorted(listed) == list(range(5))
        assert app.state.query == telling_query(prediction, 0)
        text = screen_text(app)
        assert f"{prediction.correct} of 4 right" in text
        assert "want" in text
        await settle(pilot, lambda: "of the probability." in screen_text(app))  # of the label words, across two lines
        await pilot.press("1")
        await settle(pilot, lambda: "the query's text" in screen_text(app))
        await pilot.press("2")
        await settle(pilot, lambda: "of 3 pairs" in screen_text(app))


async def test_users_text_shows_as_typed(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(0)
        await pilot.press("8")
        await settle(pilot)
        text = screen_text(app)
        assert "[/red] [b ^[[31m {0} <U+202E>" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


async def test_every_panel_shows_something_computed(prompt_file: Path, model_folder: Path) -> None:
    said = {
        "Overview": "the label words hold",
        "Why": "the query's text",
        "Labels": "anchor distance",
        "Flow": "label words -> target (S_pq)",
        "Isolate": "Nothing is cut",
        "Extract": "AUCROC",
        "Depth": "logit lens",
        "Contrast": "By flow",
        "Demonstrations": "left out alone: nats given",
        "Patch": "against the prompt",
        "Heads": "cut alone",
        "Reweight": "Press s to train",
        "Compress": "Press s to answer from",
        "Repair": "Press s to search",
        "Prompt": "[word] label word",
    }
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for panel in PANELS:
            await pilot.press(panel.key)
            await settle(pilot)
            assert said[panel.title] in screen_text(app), panel.title
        assert app.state.failures == {}


async def test_filter_and_next_wrong(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prediction is not None
        wrong = app.state.prediction.wrong
        seen = set()
        for _ in wrong:
            await pilot.press("n")
            await settle(pilot)
            seen.add(app.state.query)
        assert seen == set(wrong)
        await pilot.press("slash", *"river")
        await settle(pilot)
        assert app.query_one(Queries).order == [4]
        await pilot.press("escape")
        await settle(pilot)
        assert app.query_one(QueryList).option_count == 5
        assert not app.query_one("#filter", Input).display


async def test_a_wrong_file_is_told_and_read_again(prompt_file: Path, model_folder: Path) -> None:
    prompt_file.write_text(PROMPT.replace("label: Location", "label: Locatoin", 1))
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot)
        text = " ".join(screen_text(app).split())
        assert "The prompt file is wrong." in text
        assert "did you mean 'Location'" in text
        prompt_file.write_text(PROMPT)
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert "1 of 4 right" in screen_text(app)


async def test_a_missing_model_is_told_and_the_prompt_can_be_read(prompt_file: Path, tmp_path: Path) -> None:
    async with running(prompt_file, tmp_path / "none") as (app, pilot):
        await settle(pilot, lambda: app.state.model_error)
        assert "there is no model folder" in " ".join(screen_text(app).split())
        await pilot.press("8")
        await settle(pilot)
        assert "Where is the park ?" in screen_text(app)


async def test_a_job_that_raises_is_a_sentence(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: Extract, *arguments: Any) -> None:
        raise ZeroDivisionError("by [zero]")

    monkeypatch.setattr(Extract, "compute", broken)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await settle(pilot)
        assert "unexpected ZeroDivisionError: by [zero]" in screen_text(app)


async def test_eighty_by_twenty_four_folds(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert not app.query_one("#left").display or app.query_one("#left").size.width == 0
        line = screen_text(app).splitlines()[3]
        assert ">" in line
        await pilot.press("o")
        await settle(pilot)
        assert app.query_one("#left").size.width > 70
        assert app.query_one(OptionList).has_focus
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.state.prompt is not None
        assert app.query_one("#left").size.width == 0
        assert app.state.prompt.queries[app.state.query].text in screen_text(app).splitlines()[2]
        assert app.panel.room.width > 70
        assert lines_of(app, "#labels")[2].count("█") == 24  # drawn at that width
        for size in ((60, 15), (200, 60), (80, 24), (20, 5), (120, 40)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
        assert app.query_one("#left").size.width > 20


async def test_ascii_only(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, ascii_only=True) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        bars = app.query_one("#bars").render()
        assert str(bars).isascii()


async def test_help_lists_the_bindings(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        text = screen_text(app)
        assert "go to the previous query that is answered wrong" in text
        assert "layer down" in text
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_quitting_while_something_computes(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


def told(app: DiagnosisApp) -> list[str]:
    return [f"{notification.title}: {notification.message}" for notification in app._notifications]


async def test_one_key_exports_and_the_palette_has_every_format(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.export.choice = ExportChoice("everything")
        (tmp_path / "prompt-report.html").write_text("the user's own")
        await pilot.press("x", "enter")
        await settle(pilot, lambda: told(app))
        written = {path.suffix for path in tmp_path.glob("prompt-report*")}
        assert written == {f".{name}" for name in ExportChoice().formats}
        assert str(tmp_path / "prompt-report-2.html") in told(app)[0]
        assert (tmp_path / "prompt-report.html").read_text() == "the user's own"
        found = {command.title: command.callback for command in app.get_system_commands(app.screen)}
        figures = set(get_args(FigureType))
        assert {*write.FORMATS, *FOLDERS} == {"figures", *(set(FORMATS) - figures)}
        assert figures <= set(FORMATS)
        for title, place in (
            ("Export every table as CSV", "prompt-tables"),
            ("Export figures as SVG", "prompt-figures"),
        ):
            await found[title]()
            await pilot.press("enter")
            await settle(pilot, lambda folder=str(tmp_path / place): folder in " ".join(told(app)))  # type: ignore[misc]
            files = list((tmp_path / place).iterdir())
            assert f"Written: {len(files)} files in {tmp_path / place}" in told(app)
    assert '"schema": "icldiag-report/1"' in (tmp_path / "prompt-report.json").read_text()
    assert (tmp_path / "prompt-tables" / "prediction-queries.csv").exists()
    assert (tmp_path / "prompt-figures" / "confusion-distance.svg").exists()


@pytest.mark.skipif(not Path("/proc").exists(), reason="no folder that takes none")
async def test_an_export_that_cannot_be_written_is_told(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        monkeypatch.chdir("/proc")  # where nobody makes a folder
        await app.run_action("export('csv')")
        await pilot.press("enter")
        await settle(pilot, lambda: told(app))
        assert "Not written: cannot" in told(app)[0]


def test_the_app_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, icldiag.tui.app; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


async def test_a_panel_is_copied_and_kept_among_icldiags_own_files(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working directory is the user's: nothing is written there unasked."""
    here, own = tmp_path / "here", tmp_path / "own"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("ICLDIAG_STATE", str(own))
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(0)
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        labels = (own / "copied.txt").read_text()
        assert labels == app.clipboard
        assert "anchor distance" in labels
        assert "Query vectors: " in labels  # below the fold at this size
        await pilot.press("8", "y")
        await settle(pilot)
        copied = app.clipboard
        assert f"also in {own / 'copied.txt'}" in told(app)[-1]
        monkeypatch.setenv("ICLDIAG_STATE", "/proc/none")  # where nobody makes a folder
        await pilot.press("y")
        await settle(pilot)
        assert "not kept in a file" in told(app)[-1]
    assert (own / "copied.txt").read_text() == copied
    assert (own / "copied.txt").stat().st_mode & 0o077 == 0
    assert list(here.iterdir()) == []
    assert "\x1b" not in copied
    assert "[/red] [b" in copied
