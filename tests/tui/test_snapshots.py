"""Pictures of the screens whose colours say something; the texts of all panels are in `screens/`.

Look at what changed, then: `pytest tests/tui/test_snapshots.py --snapshot-update`.

The tiny random model answers, so the numbers mean nothing; they are the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from icldiag.model.settings import ModelSettings
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.queries import Queries
from tests.tui.pilot import settle

SCREENS = {"labels": ("2",), "flow": ("3", "left_square_bracket"), "isolate": ("4", "right_square_bracket", "f")}


@pytest.mark.usefixtures("as_quick_on_any_machine")
@pytest.mark.parametrize("size", [(120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_screens(
    screen: str, size: tuple[int, int], prompt_file: Path, model_folder: Path, snap_compare: Callable[..., bool]
) -> None:
    app: Any = DiagnosisApp(prompt_file, ModelSettings(str(model_folder), "cpu"))

    async def arrive(pilot: Pilot[None]) -> None:
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(4)
        for key in SCREENS[screen]:
            await pilot.press(key)
            await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=arrive)
