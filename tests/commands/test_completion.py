"""Completion in a shell: commands and options, without what takes long to import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from icldiag.commands.completions import models, prompts
from icldiag.commands.diff import FORMATS_OFFERED as COMPARISONS_OFFERED
from icldiag.commands.report import FORMATS_OFFERED
from icldiag.model.names import Package
from icldiag.page.formats import FILES, FOLDERS
from icldiag.report.write import FORMATS


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("icldiag re", ["resume", "report", "repair"]),
        ("icldiag report --for", ["--format"]),
        ("icldiag report x --format ", ["json", "md", "html", "text", "latex", "csv", "figures"]),
        ("icldiag diff a b --format h", ["html"]),
        ("icldiag report x --only overview,re", ["overview,repairs", "overview,reweighting"]),
        ("icldiag report nosuch --only overview,o", []),
        ("icldiag docs gl", ["glossary"]),
        ("icldiag open se", ["sentiment"]),
        ("icldiag test banking em", ["emotion"]),
        ("icldiag check x --model b", ["bundled"]),
        ("icldiag --model b", ["bundled"]),
        ("icldiag report x --against b", ["bundled"]),
        ("icldiag import messages x --model b", ["bundled"]),
        ("icldiag open x --dtype b", ["bfloat16"]),
    ],
)
def test_a_shell_completes_commands_options_and_values(typed: str, offered: list[str], tmp_path: Path) -> None:
    environment = {"_ICLDIAG_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "icldiag"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == offered
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"torch", "textual", "transformers"}


def test_files_are_offered_beside_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell offers files of its own only where it is offered nothing, and takes a name as it stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seen.yaml").touch()
    (tmp_path / "se en.yaml").touch()
    (tmp_path / "sets").mkdir()
    assert [name for name in prompts("se") if name.startswith("se")] == ["sentiment", "seen.yaml", "sets/"]
    assert prompts("see") == []


def test_offered_formats_are_those_that_are_written() -> None:
    assert set(FORMATS_OFFERED) == {*FORMATS, *FOLDERS}
    assert set(COMPARISONS_OFFERED) == set(FILES)


def test_a_model_whose_package_is_missing_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Package, "file", lambda package: None)
    assert "smollm2" not in models("")
    monkeypatch.setattr(Package, "file", lambda package: Path("a.gguf"))
    assert "smollm2" in models("")
