"""`icldiag report` on a terminal: what is computed first is read first."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from icldiag.cli import main
from icldiag.page import terminal
from icldiag.page.blocks import Part
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_yaml
from icldiag.session import Session


def test_each_part_is_printed_before_the_next_is_computed(
    prompt: Prompt,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "prompt.yaml"
    path.write_text(as_yaml(prompt))
    events: list[str] = []
    ask, printed = Session.ask, terminal.print_part

    def asked(self: Session, request: Any, *arguments: Any) -> Any:
        events.append(request.job)
        return ask(self, request, *arguments)

    def shown(part: Part) -> None:
        events.append(f"printed {part.name}")
        printed(part)

    monkeypatch.setattr(Session, "ask", asked)
    monkeypatch.setattr(terminal, "print_part", shown)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    words = ["report", str(path), "--model", str(model_folder), "--only", "prediction,extraction"]
    monkeypatch.setattr(sys, "argv", ["icldiag", *words])
    with pytest.raises(SystemExit):
        main()
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert events.index("printed prediction") < events.index("extraction") < events.index("printed extraction")
    assert out.count("\nPredictions\n") == 1
    assert out.index("\nPredictions\n") < out.index(f"icldiag report: {prompt.name}") < out.index("\nThe prompt\n")
