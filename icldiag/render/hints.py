"""Keys and what they do, at most two lines of them, none cut in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from icldiag.render.look import Look

_ENDS = (" down", " up", " left", " right")  # "layer down" and "layer up" are shown as one hint


@dataclass(frozen=True)
class Hints:
    """(keys, what they do), the most wanted first; those that have no room are left to the help screen."""

    pairs: Sequence[tuple[str, str]]
    look: Look
    lines: int = 2

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield hint_lines(self.pairs, self.look, options.max_width, self.lines)


def hint_lines(pairs: Sequence[tuple[str, str]], look: Look, width: int, lines: int = 2) -> Text:
    """The hints as they fit."""
    found: list[Text] = [Text(no_wrap=True)]
    for keys, does in _joined(pairs):
        hint = Text.assemble((f" {keys} ", look.strong), (f"{does} ", look.muted))
        if found[-1] and found[-1].cell_len + hint.cell_len > width:
            if len(found) == lines:
                break
            found.append(Text(no_wrap=True))
        found[-1].append_text(hint)
    return Text("\n", no_wrap=True).join(found)


def _joined(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours that do the same in two directions are one hint."""
    joined: list[tuple[str, str]] = []
    last = ""
    for keys, does in pairs:
        stem = _stem(does)
        if stem and stem == last:
            known = joined[-1][0]
            joined[-1] = (known if keys in known.split() else f"{known} {keys}", stem)
        else:
            joined.append((keys, does))
        last = stem
    return joined


def _stem(does: str) -> str:
    """'layer down' -> 'layer', 'previous pair' -> 'next pair'; empty for what has no direction."""
    if does.startswith(("next ", "previous ")):
        return f"next {does.split(' ', 1)[1]}"
    return next((does.removesuffix(end) for end in _ENDS if does.endswith(end)), "")
