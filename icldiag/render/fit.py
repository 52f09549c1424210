"""Text cut and padded to a width in terminal cells, so that wide characters keep columns straight."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size


def pad(text: str, width: int, dots: str = "…") -> str:
    """Exactly `width` cells: padded at the right, or cut at the end."""
    return set_cell_size(cut_end(text, width, dots), width)


def cut_end(text: str, width: int, dots: str = "…") -> str:
    """At most `width` cells; what is cut off at the end is shown as dots."""
    if cell_len(text) <= width:
        return text
    kept = width - cell_len(dots)
    return _head(text, kept) + dots if kept > 0 else _head(text, width)


def cut_middle(text: str, width: int, dots: str = "…") -> str:
    """At most `width` cells; names differ at both ends, so the middle goes."""
    if cell_len(text) <= width:
        return text
    kept = width - cell_len(dots)
    if kept < 2:
        return _head(text, width)
    tail = _head(text[::-1], kept // 2)[::-1]
    return _head(text, kept - cell_len(tail)) + dots + tail


def short_names(names: Sequence[str], width: int) -> tuple[str, ...]:
    """Names of at most `width` cells that stay different: heads, else head and tail, else numbers from 1."""
    plans = (
        [_head(name, width).rstrip() for name in names],  # a space at the end tells nothing apart
        [cut_middle(name, width, "") for name in names],
        [initials(name, width) for name in names],
    )
    for plan in plans:
        if len(set(plan)) == len(names):
            return tuple(plan)
    return tuple(str(number) for number in range(1, len(names) + 1))


def initials(name: str, width: int) -> str:
    """'lost_card' -> 'l-c': the first letter of each word, as many as fit."""
    words = [word for word in name.replace("_", " ").replace("-", " ").split() if word]
    return _head("-".join(word[0] for word in words), width) if len(words) > 1 else _head(name, width)


def _head(text: str, width: int) -> str:
    """The longest beginning of `text` that fits."""
    return chop_cells(text, width)[0] if width > 0 and text else ""
