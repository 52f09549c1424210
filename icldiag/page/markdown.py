"""A page as Markdown. Users' text is shown as typed, never read as markup, HTML or an escape sequence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from icldiag.counting import counted
from icldiag.page.blocks import Block, Code, Figure, Heading, Items, Page, Paragraph, Table, Tokens
from icldiag.page.text import cell_text
from icldiag.visible import visible

_MARKUP = re.compile(r"([\\`*_\[\]<|~&$]|(?<!-)>)")  # an arrow is no markup; brackets alone make a link
_STARTS = re.compile(r"^(\s*)(?=[-=+#]+\s|[-=]{2,}$|#+$)|^(\s*\d+)(?=[.)](?:\s|$))")  # of lists, rules and headings


def prose(text: str) -> str:
    """One line of user or computed text with all Markdown markup escaped; good for a table's cell too."""
    escaped = _STARTS.sub(r"\1\2\\", _MARKUP.sub(r"\\\1", visible(text)))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def page_as_markdown(page: Page) -> str:
    lines = [f"# {prose(page.title)}", "", *(f"- {prose(fact)}" for fact in page.facts), ""]
    for question, answers in page.summary.items():
        lines += [f"**{question}.**", "", *(f"- {prose(text)}" for _, text in answers), ""]
    for part in page.parts:
        lines += [f"## {prose(part.title)}", ""]
        lines += [prose(part.reading), ""] if part.reading else []
        for block in part.blocks:
            lines += _block(block)
    return "\n".join(lines).rstrip() + "\n"


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph(text):
            return [prose(text), ""]
        case Heading(text):
            return [f"### {prose(text)}", ""]
        case Items(texts):
            return [*(f"- {prose(text)}" for text in texts), ""]
        case Code(text):
            return [*(f"    {visible(line)}" for line in text.split("\n")), ""]
        case Table():
            return [] if block.place == "aside" or not block.rows else _table(block)
        case Tokens():
            return _tokens(block)
        case Figure():
            return []  # its numbers are in a table


def _table(table: Table) -> list[str]:
    rows = [[prose(cell_text(cell, table.digits)) for cell in row] for row in table.rows[: table.limit]]
    lines: list[Sequence[str]] = [[prose(name) for name in table.columns], ["---"] * len(table.columns), *rows]
    more = len(table.rows) - len(rows)
    rest = [f"Not shown: {counted(more, 'row')}.", ""] if more else []
    return [prose(table.caption), "", *("| " + " | ".join(line) + " |" for line in lines), "", *rest]


def _tokens(tokens: Tokens) -> list[str]:
    """Label words in bold; a line of the prompt is a line here."""
    text = ""
    for bold, run in groupby(tokens.pieces, key=lambda piece: piece.kind in ("label", "target")):
        written = "".join(prose(piece.text) + ("\n" if piece.text.endswith("\n") else "") for piece in run)
        text += "\n".join(map(_bold, written.split("\n"))) if bold else written
    return [prose(tokens.caption), "", *(f"> {line}  " for line in text.rstrip("\n").split("\n")), ""]


def _bold(text: str) -> str:
    """Spaces around it stay outside: beside one, stars are no markup."""
    inner = text.strip()
    return text.replace(inner, f"**{inner}**") if inner else text
