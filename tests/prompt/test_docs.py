"""docs/formats.md: its example is a prompt file, and no field is missing from it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.prompt.fields import FileFields, PromptFields
from icldiag.prompt.importers import MODULES
from icldiag.prompt.read import read_prompt

DOCS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()


def test_the_example_is_a_prompt_file(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    assert example is not None
    (tmp_path / "more.csv").write_text("question,answer\nWho ?,Person\n")
    path = tmp_path / "prompt.yaml"
    path.write_text(example[1])
    prompt = read_prompt(path)
    assert prompt.opening == "Name the type of the answer.\n\n"
    assert (len(prompt.demonstrations), len(prompt.queries), len(prompt.examples)) == (2, 1, 1)
    assert prompt.queries[0].id == "17"


def test_the_example_of_each_format_becomes_a_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is the file that is named above it, and each command is run."""
    monkeypatch.chdir(tmp_path)
    section = DOCS.split("## One example of each\n")[1].split("\n## ")[0]
    for name, content in re.findall(r"^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)```", section, re.DOTALL | re.MULTILINE):
        Path(name).write_text(content)
    commands = [shlex.split(line)[1:] for line in re.findall(r"```sh\n(.*?)\n```", section)]
    imported = {command[1] for command in commands if command[0] == "import"}
    assert imported == set(MODULES)
    for command in commands:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (command, done.output)
        prompt = read_prompt(command[-1])
        assert len(prompt.labels) == 2
        assert all(query.text for query in prompt.queries)
        assert prompt.demonstrations or "tuning" in command[-1]


def test_every_field_is_documented() -> None:
    for field in PromptFields.model_fields:
        assert re.search(rf"^{field}:", DOCS, re.MULTILINE), field
    for field in FileFields.model_fields:
        assert f"`{field}`" in DOCS, field
