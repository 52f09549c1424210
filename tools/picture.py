"""The README's picture, made from the running app: python tools/picture.py OUT.svg"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from icldiag.model.load import ModelSettings
from icldiag.samples import DEFAULT_SAMPLE, sample_path
from icldiag.tui.app import DiagnosisApp


async def picture(target: Path) -> None:
    """Open the default sample without a terminal, wait for the answers, and save what is on the screen."""
    app = DiagnosisApp(sample_path(DEFAULT_SAMPLE), ModelSettings())
    async with app.run_test(size=(132, 34)) as pilot:
        while app.state.prediction is None or app.jobs.running:
            await pilot.pause(0.1)
        await pilot.pause(0.3)
        target.write_text(app.export_screenshot(title="icldiag"), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(picture(Path(sys.argv[1])))
