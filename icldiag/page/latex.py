"""A page's tables as LaTeX, for `\\input` in a paper that uses booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from icldiag.page.blocks import Page, Table
from icldiag.page.text import cell_text
from icldiag.visible import visible

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}
_ANY = re.compile("|".join(map(re.escape, _SPECIAL)))


def page_as_latex(page: Page) -> str:
    """Every table that stands on a page by itself or beside a figure; figures are files of their own."""
    lines = ["% \\usepackage{booktabs}"]
    for part in page.parts:
        for block in part.blocks:
            if isinstance(block, Table) and block.place != "aside" and block.rows:
                lines += ["", *_table(block, f"{part.name}-{block.name}")]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    return _ANY.sub(lambda match: _SPECIAL[match[0]], visible(text))


def _table(table: Table, name: str) -> Iterator[str]:
    texts = [
        any(isinstance(row[column], str) and not _is_number(row[column]) for row in table.rows)
        for column in range(len(table.columns))
    ]
    yield r"\begin{table}"
    yield r"\centering\small"
    yield f"\\begin{{tabular}}{{{''.join('l' if text else 'r' for text in texts)}}}"
    yield r"\toprule"
    yield _row([escape(column) for column in table.columns])
    yield r"\midrule"
    for row in table.rows[: table.limit]:
        yield _row([escape(cell_text(cell, table.digits)) for cell in row])
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield f"\\caption{{{escape(table.caption)}}}"
    yield f"\\label{{tab:{re.sub(r'[^A-Za-z0-9:-]+', '-', name)}}}"
    yield r"\end{table}"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _is_number(text: object) -> bool:
    """A mean with its deviation is aligned as numbers are."""
    return isinstance(text, str) and re.fullmatch(r"[-+]?[\d.]+( ± [\d.]+)?", text) is not None
