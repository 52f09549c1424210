"""Every panel's text on two sizes of terminal, in `screens/`. After a change on purpose: `--snapshot-update`.

The tiny random model answers, so the numbers mean nothing; they are the same on every run.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

from icldiag.tui.panels import PANELS
from icldiag.tui.queries import Queries
from tests.tui.pilot import running, screen_text, settle

FOLDER = Path(__file__).parent / "screens"
_MASKS = ((re.compile(r"(less than )?\d+(\.\d+)? (m?s|min)\b"), "TIME"), (re.compile(r"\bmodel\d+\b"), "model"))


def written(text: str) -> str:
    """Without spaces at the ends of lines, and without what differs from run to run."""
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.split("\n")) + "\n"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_panels_text(
    size: tuple[int, int], prompt_file: Path, model_folder: Path, request: pytest.FixtureRequest
) -> None:
    update = request.config.option.update_snapshots
    differences: list[str] = []
    async with running(prompt_file, model_folder, size) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(4)
        for panel in PANELS:
            await pilot.press(panel.key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            file = FOLDER / f"{panel.title.lower()}-{size[0]}x{size[1]}.txt"
            text = written(screen_text(app))
            if update:
                FOLDER.mkdir(exist_ok=True)
                file.write_text(text, encoding="utf-8")
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            differences += difflib.unified_diff(before.split("\n"), text.split("\n"), file.name, "now", lineterm="")
    assert not differences, "\n".join(differences)
