"""The examples that panels show until a key is pressed, made by the panels: python tools/examples.py"""

from __future__ import annotations

import asyncio
from pathlib import Path

from icldiag.model.settings import ModelSettings
from icldiag.samples import DEFAULT_SAMPLE, sample_path
from icldiag.tui import examples
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.panels import PANELS


async def main() -> None:
    """Open the default sample, have each of these panels compute, and keep what it shows."""
    app = DiagnosisApp(sample_path(DEFAULT_SAMPLE), ModelSettings())
    async with app.run_test(size=(examples.WIDTH + 6, 50)) as pilot:
        while app.state.prediction is None or app.state.stored:
            await pilot.pause(0.1)
        for panel in (panel for panel in PANELS if panel.example):
            await pilot.press(panel.key, "s")
            await pilot.pause(0.5)
            while app.jobs.running:
                await pilot.pause(0.1)
            await pilot.pause(0.5)
            file = Path(examples.__file__).parent / f"{app.panel.id}.txt"
            file.write_text(app.panel.plain_text(examples.WIDTH, panel.example), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
