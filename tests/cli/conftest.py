"""The commands in this process, and a prompt for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from icldiag.cli import main
from tests.cli.done import PROMPT, Done, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, where torch is imported already."""

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["icldiag", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return Done(int(caught.value.code or 0), shown.out, shown.err)

    return call


@pytest.fixture
def prompt_file(tmp_path: Path) -> str:
    path = tmp_path / "prompt.yaml"
    path.write_text(PROMPT)
    return str(path)
