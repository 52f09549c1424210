"""A report that is exported with a repair on tells of the cause that this was to mend, and how to repeat it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from icldiag.analyses.explanation.compute import Explain
from icldiag.analyses.search.repair import Repair
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.read import read_prompt
from icldiag.tui.desk import Desk
from icldiag.tui.edits import Edits
from icldiag.tui.export import Export
from icldiag.tui.export_screen import ExportChoice
from tests.tui.test_desk import Queue, Screen, answered_desk


@pytest.fixture
def repaired(prompt_file: Path, model_folder: Path) -> tuple[Desk, Queue, Screen]:
    """Applied after the cause was found."""
    desk, jobs, screen = answered_desk(Queue(), prompt_file, model_folder)
    state, prompt = desk.state, desk.state.prompt
    assert prompt is not None and state.session is not None
    state.session.ask(Explain(state.query))
    state.session.overview()
    flat = Calibration("batch", tuple(-math.log(share) for share in (0.475, 0.05, 0.475)))
    Edits(desk).apply(Repair("calibration", "flat", prompt.demonstrations, prompt.labels, flat))
    jobs.finish(desk)
    return desk, jobs, screen


def exported(table: tuple[Desk, Queue, Screen], folder: Path, redact: bool = False) -> tuple[str, dict[str, object]]:
    """As Markdown, and as JSON's values."""
    desk, jobs, _ = table
    export = Export(desk, lambda: None)
    export.start(ExportChoice(formats=("md", "json"), folder=folder, redact=redact), "prediction")
    jobs.finish(desk)
    page, values = (next(folder.glob(f"*{ending}")).read_text() for ending in (".md", ".json"))
    return page, json.loads(values)


def test_what_was_wrong_without_the_repair_is_told(repaired: tuple[Desk, Queue, Screen], tmp_path: Path) -> None:
    page, values = exported(repaired, tmp_path)
    assert "Without the repair that is on: " in page.split("## ")[0]  # the summary
    assert "## Before the repair: " in page
    others = "no confusion, patching, contrast or demonstrations: not computed yet with the repair that is on"
    assert f"- {others}\n" in page.split("## ")[0]
    before = values["repaired"]["before"]  # type: ignore[index]
    assert list(before) == ["overview", "explanation"]
    assert before["explanation"]["reading"] in page.replace("\\", "")


def test_the_prompt_that_is_in_no_file_is_in_the_report(repaired: tuple[Desk, Queue, Screen], tmp_path: Path) -> None:
    desk, (page, values) = repaired[0], exported(repaired, tmp_path)
    assert "icldiag report PROMPT.yaml --model " in page
    assert "PROMPT.yaml holds the prompt with its changes, which are in no file yet:" in page.replace("\\", "")
    saved = tmp_path / "saved.yaml"
    saved.write_text(str(values["unsaved"]))
    assert desk.state.prompt is not None
    assert read_prompt(saved).hash == desk.state.prompt.hash


def test_a_redacted_report_holds_no_text_of_before(repaired: tuple[Desk, Queue, Screen], tmp_path: Path) -> None:
    page, values = exported(repaired, tmp_path, redact=True)
    assert (values["unsaved"], values["command"]) == (None, None)
    assert "Without the repair that is on: " in page
    prompt = repaired[0].state.prompt
    assert prompt is not None
    texts = {example.text for example in (*prompt.demonstrations, *prompt.queries)}
    assert not [text for text in texts if text in page or text in json.dumps(values, ensure_ascii=False)]


def test_without_a_repair_the_command_names_the_file(prompt_file: Path, model_folder: Path, tmp_path: Path) -> None:
    page, values = exported(answered_desk(Queue(), prompt_file, model_folder), tmp_path / "out")
    assert values["unsaved"] is None
    assert f"icldiag report {prompt_file} --model " in page
    assert "PROMPT.yaml" not in page
