"""Completion in a shell: commands and options, without what takes long to import."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("typed", "offered"), [("icldiag re", ["resume", "report", "repair"]), ("icldiag report --for", ["--format"])]
)
def test_a_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    environment = {"_ICLDIAG_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "icldiag"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == offered
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"torch", "textual", "transformers"}
