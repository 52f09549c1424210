"""`icldiag diff`: two JSON reports side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from icldiag.commands.completions import one_of
from icldiag.errors import UsageError
from icldiag.quoting import shortened

FORMATS_OFFERED = ("text", "md", "html", "latex")
ReportPath = Annotated[
    Path, typer.Argument(help="A report, made with --format json, or a log of lm-eval.", show_default=False)
]


def diff(
    a: ReportPath,
    b: ReportPath,
    format: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of(*FORMATS_OFFERED),
            help="text, md, html or latex; else as -o ends, or text.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write here; - prints.")] = None,
) -> None:
    """Compare two JSON reports, or two logs of lm-eval. Set-up, accuracy, changed answers, pairs, loyalties."""
    from icldiag.files import is_stdout, write_document
    from icldiag.inputs.files import is_file
    from icldiag.inputs.sources import sources
    from icldiag.page.formats import FILES, format_of
    from icldiag.page.terminal import print_page
    from icldiag.prompt.lm_eval.log import is_log
    from icldiag.report.difference import difference_page
    from icldiag.report.logs import log_difference
    from icldiag.report.read import read_report
    from icldiag.visible import visible

    format = format_of(format, output, "text")
    with sources() as read:
        if all(is_file(path) and is_log(path) for path in (a, b)):
            page = log_difference(a, b)
        else:
            page = difference_page(read_report(a), read_report(b), (str(a), str(b)))
    read.refuse(output)
    if format not in FILES:
        raise UsageError(f"a comparison is not written as {shortened(format)}: --format is one of {', '.join(FILES)}")
    if format == "text" and output is None:
        print_page(page)
        return
    write_document(FILES[format].text(page), output)
    if not is_stdout(output):
        print(f"comparison written to {visible(str(output))}", file=sys.stderr)
