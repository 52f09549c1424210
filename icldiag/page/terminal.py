"""A page for the terminal, by rich. Texts are never parsed as markup."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from icldiag.counting import counted
from icldiag.page.blocks import Block, Code, Heading, Items, Page, Paragraph, Part, Table, Tokens
from icldiag.page.text import cell_text
from icldiag.visible import visible

_WIDTH = 100  # of a text that goes to no terminal


def print_page(page: Page) -> None:
    """On stdout, as wide as it is."""
    Console(highlight=False).print(page_renderable(page))


def print_part(part: Part) -> None:
    """One part of a page that is printed as it is computed."""
    Console(highlight=False).print(part_renderable(part))


def page_as_text(page: Page) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=_WIDTH, highlight=False, color_system=None).print(page_renderable(page))
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def page_renderable(page: Page) -> RenderableType:
    lines: list[RenderableType] = [Text(visible(page.title), "bold")]
    lines += [Text(visible(fact), "dim") for fact in page.facts]
    return Group(*lines, *(part_renderable(part) for part in page.parts))


def part_renderable(part: Part) -> RenderableType:
    """Heading, reading and tables, as in Markdown; figures are left to other formats."""
    lines: list[RenderableType] = [Text(f"\n{visible(part.title)}", "bold underline")]
    lines += [Text(visible(part.reading))] if part.reading else []
    for block in part.blocks:
        lines += _block(block)
    return Group(*lines)


def _block(block: Block) -> Iterator[RenderableType]:
    match block:
        case Heading(text):
            yield Text(f"\n{visible(text)}", "bold")
        case Paragraph(text) | Code(text):
            yield Text(visible(text))
        case Items(texts):
            yield from (Text(f"- {visible(text)}") for text in texts)
        case Table() if block.place != "aside" and block.rows:
            yield from _table(block)
        case Tokens():
            yield Text(visible("".join(piece.text for piece in block.pieces)))


def _table(table: Table) -> Iterator[RenderableType]:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, name in enumerate(table.columns):
        texts = any(isinstance(row[index], str) for row in table.rows)
        grid.add_column(Text(visible(name)), justify="left" if texts else "right", overflow="fold")
    for row in table.rows[: table.limit]:
        grid.add_row(*(Text(visible(cell_text(cell, table.digits))) for cell in row))
    yield Text(f"\n{visible(table.caption)}", "dim")
    yield grid
    more = len(table.rows) - len(table.rows[: table.limit])
    if more:
        yield Text(f"Not shown: {counted(more, 'row')}.", "dim")
