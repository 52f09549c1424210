"""The README's picture, made from the running app: python tools/picture.py OUT.svg [--panel KEY] [--size 132x36]"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated

import typer

from icldiag.model.settings import ModelSettings
from icldiag.samples import DEFAULT_SAMPLE, sample_path
from icldiag.tui.app import DiagnosisApp


async def picture(target: Path, panel: str, width: int, height: int) -> None:
    """Open the default sample without a terminal, wait until the panel is drawn, and save what is on the screen."""
    app = DiagnosisApp(sample_path(DEFAULT_SAMPLE), ModelSettings())
    async with app.run_test(size=(width, height)) as pilot:
        while app.state.prediction is None or app.state.stored:
            await pilot.pause(0.1)
        await pilot.press(panel)
        for _ in range(3):  # a panel that is drawn may ask for more
            await pilot.pause(0.3)
            while app.jobs.running:
                await pilot.pause(0.1)
        await pilot.pause(0.3)
        drawn = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="icldiag"), flags=re.DOTALL)  # no network
        target.write_text(drawn, encoding="utf-8")


def main(
    target: Path,
    panel: Annotated[str, typer.Option(help="The panel's key on its tab.")] = "O",
    size: Annotated[str, typer.Option(help="Columns x rows.")] = "132x36",
) -> None:
    """Save the picture."""
    width, height = map(int, size.split("x"))
    asyncio.run(picture(target, panel, width, height))


if __name__ == "__main__":
    typer.run(main)
