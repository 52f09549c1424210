"""A row of layers with one chosen, `layer  0  1  2 [3]`, and which layer lies under a column of it."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text

from icldiag.render.look import Look

_HEAD = "layer "


def layer_row(layers: int, chosen: int, look: Look, width: int) -> Text:
    """Numbers where they fit, else a dot for each layer and the chosen one's number after them."""
    row = Text(_HEAD, look.muted, no_wrap=True)
    numbered = _numbered(layers, width)
    for layer, (start, stop) in enumerate(_spans(layers, width)):
        text = (f"[{layer}]" if layer == chosen else str(layer)) if numbered else ("O" if layer == chosen else ".")
        row.append(text.center(stop - start), look.strong if layer == chosen else look.muted)
    if not numbered:
        row.append(f"  [{chosen}]", look.strong)
    return row


def layer_switches(layers: int, on: Collection[int], look: Look, width: int) -> Text:
    """A sign for each layer that is on, under its place in `layer_row`."""
    row = Text("cut".ljust(len(_HEAD)), look.muted, no_wrap=True)
    for layer, (start, stop) in enumerate(_spans(layers, width)):
        row.append(("x" if layer in on else "-").center(stop - start), look.wrong if layer in on else look.muted)
    return row


def layer_at(layers: int, width: int, column: int) -> int | None:
    """The layer under a click; None left or right of the row."""
    for layer, (start, stop) in enumerate(_spans(layers, width)):
        if start <= column < stop:
            return layer
    return None


def _numbered(layers: int, width: int) -> bool:
    return len(_HEAD) + layers * _wide(layers) <= width


def _wide(layers: int) -> int:
    return len(str(layers - 1)) + 2


def _spans(layers: int, width: int) -> list[tuple[int, int]]:
    each = _wide(layers) if _numbered(layers, width) else 1
    return [(len(_HEAD) + layer * each, len(_HEAD) + (layer + 1) * each) for layer in range(layers)]
