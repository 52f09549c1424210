"""`icldiag docs`: the documentation, where it is needed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from icldiag.commands.completions import pages


def docs(
    page: Annotated[
        str | None, typer.Argument(metavar="PAGE", autocompletion=pages, help="One of those listed without it.")
    ] = None,
) -> None:
    """List the pages of the documentation, or print one. Formatted in a terminal, else as Markdown."""
    from icldiag.manual import manual_pages, page_text, title

    if page is None:
        pages = manual_pages()
        width = max(map(len, pages))
        print("\n".join(f"{name:{width}}  {title(path)}" for name, path in pages.items()))
        return
    text = page_text(page.removesuffix(".md"))
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
