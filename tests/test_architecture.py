"""ARCHITECTURE.md names what is there: each path, and each name of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "icldiag"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
NAMED = sorted({span for span in re.findall(r"`([^`]+)`", PAGE) if not span.startswith(("[", "-"))})
PATHS = [span for span in NAMED if "/" in span or span.endswith(".py")]


@pytest.fixture(scope="module")
def source() -> str:
    files = [*PACKAGE.rglob("*.py"), ROOT / "pyproject.toml"]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_there(path: str) -> None:
    folders = (ROOT, PACKAGE, *(folder for folder in PACKAGE.rglob("*") if folder.is_dir()))
    assert any((folder / path).exists() for folder in folders)


@pytest.mark.parametrize("span", [span for span in NAMED if span not in PATHS])
def test_every_name_is_in_the_code(span: str, source: str) -> None:
    for name in re.findall(r"[A-Za-z_]\w+", span):
        assert re.search(rf"\b{name}\b", source), name


def test_the_way_from_a_layer_toggle_to_the_mask_can_be_followed() -> None:
    """Each step's file holds the name that the next one is found by."""
    for file, name in (
        ("tui/panels/isolation.py", "Isolate(Cut("),
        ("analyses/isolation/edits.py", "def prefix_edits("),
        ("analyses/isolation/edits.py", "blocked"),
        ("model/attention.py", "this.edits.get(layer)"),
        ("model/heads.py", "masked_fill(widened(blocked"),
    ):
        assert file in PAGE
        assert name in (PACKAGE / file).read_text(encoding="utf-8")
