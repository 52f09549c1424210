"""The stages of loading: a bar, and a line for each with a sign: `+` done, `>` under way."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from icldiag.render.look import Look
from icldiag.visible import visible


def progress_bar(done: float, total: float, look: Look, width: int = 24) -> Text:
    """`[######------]`"""
    filled = round(width * (min(1.0, done / total) if total > 0 else 0.0))
    empty = "-" if look.ascii_only else "░"
    return Text.assemble("[", (look.bar * filled, look.chosen), (empty * (width - filled), look.muted), "]")


def stage_list(stages: Sequence[str], current: int, detail: str, look: Look, width: int) -> Text:
    """`current` counts from 0; those before it are done. `detail` says how far the current one is."""
    bar = progress_bar(current, len(stages), look, max(6, min(24, width - 12)))
    lines = [bar.append(f" {min(current + 1, len(stages))} of {len(stages)}")]
    for number, stage in enumerate(stages):
        sign, style = ("+", look.right) if number < current else (">", look.chosen) if number == current else (" ", "")
        line = Text(f"{sign} {visible(stage, look.ascii_only)}", style or look.muted, no_wrap=True)
        if number == current and detail:
            line.append(f"  {visible(detail, look.ascii_only)}", look.muted)
        lines.append(line)
    return Text("\n").join(lines)
