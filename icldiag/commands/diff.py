"""`icldiag diff`: two JSON reports side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from icldiag.errors import IcldiagError

ReportPath = Annotated[Path, typer.Argument(help="A report, made with --format json.", show_default=False)]


def diff(
    a: ReportPath,
    b: ReportPath,
    format: Annotated[str, typer.Option(help="text, md or html.")] = "text",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write here; - prints.")] = None,
) -> None:
    """Compare two JSON reports: set-up, accuracy, changed answers, pairs of labels, loyalties."""
    from icldiag.files import is_stdout, write_document
    from icldiag.render.visible import visible
    from icldiag.report.difference import difference_page
    from icldiag.report.html import page_as_html
    from icldiag.report.markdown import page_as_markdown
    from icldiag.report.read import read_report
    from icldiag.report.terminal import page_as_text, print_page

    formats = {"text": page_as_text, "md": page_as_markdown, "html": page_as_html}
    if format not in formats:
        raise IcldiagError(f"--format {format}: choose one of {', '.join(formats)}")
    page = difference_page(read_report(a), read_report(b), (str(a), str(b)))
    if format == "text" and output is None:
        print_page(page)
        return
    write_document(formats[format](page), output)
    if not is_stdout(output):
        print(f"comparison written to {visible(str(output))}", file=sys.stderr)
