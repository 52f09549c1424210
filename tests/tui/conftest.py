"""A prompt file for the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.pilot import PROMPT


@pytest.fixture
def prompt_file(tmp_path: Path) -> Path:
    path = tmp_path / "prompt.yaml"
    path.write_text(PROMPT)
    return path
