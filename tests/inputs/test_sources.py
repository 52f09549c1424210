"""No command writes its output over what it reads, however that is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.errors import IcldiagError
from icldiag.inputs.files import read_bytes
from icldiag.inputs.sources import sources
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_yaml


def test_a_file_that_was_read_is_refused_by_any_name(tmp_path: Path) -> None:
    path, link, other = tmp_path / "a", tmp_path / "link", tmp_path / "b"
    path.write_text("a")
    link.symlink_to(path)
    os.link(path, tmp_path / "hard")
    other.write_text("b")
    with sources() as read:
        read_bytes(path)
    read_bytes(other)  # outside
    for name in (path, link, tmp_path / "hard", tmp_path / "." / "a"):
        with pytest.raises(IcldiagError, match="is what this command reads; write to another file"):
            read.refuse(name)
        read.refuse(name, but=path)
    for harmless in (None, other, tmp_path / "new", tmp_path, Path("/dev/null"), Path("a\0b"), Path("x" * 5000)):
        read.refuse(harmless)


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "PROMPT", "-o", "PROMPT"],
        ["report", "PROMPT", "-o", "DATA", "--format", "md"],
        ["report", "PROMPT", "--only", "reweighting", "--save-beta", "PROMPT"],
        ["repair", "PROMPT", "-o", "DATA"],
        ["repair", "PROMPT", "-o", "PROMPT", "--as", "text", "--take", "0"],
        ["predict", "PROMPT", "DATA", "-o", "PROMPT", "--force"],
        ["new", "DATA", "-o", "DATA", "--force"],
        ["import", "text", "TEXT", "-o", "TEXT", "--force", "--yes", "--labels", "a,b"],
        ["diff", "REPORT", "REPORT", "-o", "REPORT"],
    ],
    ids=lambda arguments: " ".join(arguments[:6]),
)
def test_the_commands_spare_what_they_read(
    arguments: list[str], prompt: Prompt, tmp_path: Path, report_file: Path
) -> None:
    data = tmp_path / "data.csv"
    rows = [(example.text, prompt.label_names[example.label or 0]) for example in prompt.demonstrations] * 4
    data.write_text("text,label\n" + "".join(f'"{place} {text}",{label}\n' for place, (text, label) in enumerate(rows)))
    written = tmp_path / "prompt.yaml"
    written.write_text(as_yaml(prompt) + "examples: {file: data.csv}\n")
    text = tmp_path / "prompt.txt"
    text.write_text("Text: good\nLabel: a\n\nText: bad\nLabel: b\n\nText: fine\nLabel:")
    places = {"PROMPT": written, "DATA": data, "TEXT": text, "REPORT": report_file}
    before = {path: path.read_bytes() for path in places.values()}
    outcome = CliRunner().invoke(app, [str(places.get(one, one)) for one in arguments])
    assert isinstance(outcome.exception, IcldiagError), outcome.output
    assert "is what this command reads; write to another file" in str(outcome.exception)
    assert {path: path.read_bytes() for path in places.values()} == before


@pytest.fixture(scope="session")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from icldiag.samples import DEFAULT_SAMPLE, sample_path

    path = tmp_path_factory.mktemp("report") / "report.json"
    made = CliRunner().invoke(
        app, ["report", str(sample_path(DEFAULT_SAMPLE)), "--only", "prediction", "-o", str(path)]
    )
    assert made.exit_code == 0, made.output
    assert json.loads(path.read_text())["schema"]
    return path
