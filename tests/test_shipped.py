"""A sample that ships is called by its name where a person reads it, as its path leads into the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.errors import PromptError
from icldiag.samples import sample_names, sample_path
from icldiag.shipped import shown_name


def test_a_sample_has_its_name_and_any_other_file_its_path(tmp_path: Path) -> None:
    assert [shown_name(sample_path(name)) for name in sample_names()] == sample_names()
    for other in ("sentiment.yaml", "./a/../sentiment.yaml", str(tmp_path / "sample_prompts" / "sentiment.yaml")):
        assert shown_name(other) == other
    beside = sample_path("sentiment").with_name("sentiment-examples.jsonl")
    assert shown_name(beside) == str(beside)
    assert str(PromptError("no", path=sample_path("news"), line=3)) == "news:3: no"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["test", "--min-accuracy", "0.1", "--markdown", "made.md", "--junit", "made.xml"],
        ["report", "--only", "prediction", "--format", "json", "-o", "made.json"],
        ["repair", "--budget", "2", "--take", "1", "-o", "made.yaml"],
    ],
)
def test_no_command_prints_or_writes_the_path_of_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [arguments[0], "sentiment", *arguments[1:]])
    assert done.exit_code == 0, done.output
    folder = str(sample_path("sentiment").parent)
    for text in (done.output, *(path.read_text() for path in tmp_path.glob("made.*"))):
        assert f"{folder}/sentiment.yaml" not in "".join(text.split())  # a terminal breaks a long path
    if arguments[0] == "report":
        assert json.loads((tmp_path / "made.json").read_text())["prompt"]["file"] == "sentiment"
