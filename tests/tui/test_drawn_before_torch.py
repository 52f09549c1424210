"""What is on disk is drawn while torch is imported, and what draws it must be imported before."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from dataclasses import dataclass
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from icldiag.tui.loading import SessionJob

@dataclass(frozen=True)
class Stored:
    without: object = None

def load(self, stage):
    print("torch" in sys.modules, "scipy.stats" in sys.modules)
    raise SystemExit

Session.load = load
SessionJob.stored = lambda self: Stored()
SessionJob(read_prompt(sample_path("questions")), ModelSettings("bundled")).run(print, lambda found: None)
"""


def test_scipy_is_imported_before_torch_where_results_are_on_disk() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr
