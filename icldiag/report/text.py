"""Users' text in Markdown: shown as typed, never read as markup, HTML or an escape sequence."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from icldiag.render.visible import visible

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$])")


def prose(text: str) -> str:
    """One line of user or computed text with all Markdown markup escaped."""
    return _MARKUP.sub(r"\\\1", visible(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


cell = prose  # a table's cell needs the same: `|` and line breaks are dealt with


def number(value: float | None) -> str:
    """Two decimals; a dash where the number is undefined."""
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"


def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def notes(missing: Sequence[str]) -> list[str]:
    """What is undefined and why, as a list and the empty line after it; nothing where nothing is."""
    return [*(f"- {prose(text)}" for text in missing), ""] if missing else []


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table and the empty line after it. Cells are escaped by the caller."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]
