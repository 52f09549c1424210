"""A picture of the app: python tools/picture.py OUT.svg [--panel KEYS] [--size 132x36] [--prompt FILE] [--model NAME]

README's, on a pretrained model: python tools/picture.py --readme
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated

import typer

from icldiag.model.settings import ModelSettings
from icldiag.samples import DEFAULT_SAMPLE, sample_path
from icldiag.tui.app import DiagnosisApp

DOCS = Path(__file__).parents[1] / "docs"
README = {"overview.svg": "O", "why.svg": "1"}  # file: the keys that lead there


async def picture(target: Path, keys: str, width: int, height: int, prompt: Path, model: str) -> None:
    """Open a prompt without a terminal, wait until the panel is drawn, and save what is on the screen."""
    app = DiagnosisApp(prompt, ModelSettings(name=model))
    async with app.run_test(size=(width, height)) as pilot:
        while app.state.prediction is None or app.state.stored:
            await pilot.pause(0.1)
        await pilot.press(*keys)
        for _ in range(3):  # a panel that is drawn may ask for more
            await pilot.pause(0.3)
            while app.jobs.running:
                await pilot.pause(0.1)
        await pilot.pause(0.3)
        drawn = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="icldiag"), flags=re.DOTALL)  # no network
        target.write_text(drawn, encoding="utf-8")


def main(
    target: Annotated[Path | None, typer.Argument()] = None,
    panel: Annotated[str, typer.Option(help="Keys that lead to the panel.")] = "O",
    size: Annotated[str, typer.Option(help="Columns x rows.")] = "132x36",
    prompt: Annotated[Path | None, typer.Option(help="A prompt file; by default the app's sample.")] = None,
    model: Annotated[str, typer.Option()] = "bundled",
    readme: Annotated[bool, typer.Option("--readme", help="Make README's pictures.")] = False,
) -> None:
    """Save the picture."""
    width, height = map(int, size.split("x"))
    if readme:
        for name, keys in README.items():
            asyncio.run(picture(DOCS / name, keys, 100, 34, sample_path("sentiment"), "smollm2"))
    elif target is not None:
        asyncio.run(picture(target, panel, width, height, prompt or sample_path(DEFAULT_SAMPLE), model))


if __name__ == "__main__":
    typer.run(main)
