"""What panels that wait for a key show of another prompt: the default sample on the bundled model.

Made by `python tools/examples.py`, by the panels themselves; a test computes the numbers again.
"""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from icldiag.render.look import Look
from icldiag.samples import DEFAULT_SAMPLE

WIDTH = 62  # columns that an example may take: the panel at 100 columns has them


def example(panel: str, look: Look) -> Text:
    """The panel of this name as it is for the sample, marked as an example; empty where there is none."""
    file = Path(__file__).parent / f"{panel}.txt"
    text = file.read_text(encoding="utf-8").rstrip("\n") if file.exists() else ""
    if not text or (look.ascii_only and not text.isascii()):
        return Text("")
    head = f"EXAMPLE, not this prompt: sample {DEFAULT_SAMPLE} on the bundled model\n"
    return Text.assemble((head, "bold"), text, style=look.muted)
