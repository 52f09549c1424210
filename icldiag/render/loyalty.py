"""How many answers stay with the first n or the last n layers cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from icldiag.render.look import Look

if TYPE_CHECKING:
    from icldiag.analyses.loyalty import Answers


def sweep_table(first: Sequence[Answers], last: Sequence[Answers], look: Look) -> list[Text]:
    """A head, and a line for each n."""
    names = "".join(f"{name:>8}" for name in ("labels", "words", "right"))
    lines = [Text(f"{'n':>3}{names}  {names}", look.muted, no_wrap=True)]
    for n, pair in enumerate(zip(first, last, strict=True), start=1):
        sides = [
            "".join(
                f"{'-' if value is None else f'{value:.2f}':>8}"
                for value in (answers.label_loyalty, answers.word_loyalty, answers.accuracy)
            )
            for answers in pair
        ]
        lines.append(Text(f"{n:>3}{'  '.join(sides)}", no_wrap=True))
    return lines
