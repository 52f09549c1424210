"""Reports as texts and as folders of files: the page's formats, and the values as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from icldiag.arguments import checked
from icldiag.model.readout import Progress, silent
from icldiag.page import formats
from icldiag.page.figures import FigureType
from icldiag.page.formats import FILES
from icldiag.report.document import Report
from icldiag.report.page import page_of

# JSON strings may hold these raw, but a terminal that the report is printed on would obey or reorder.
_HARMFUL = re.compile("[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(values: Any) -> str:
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1)
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def as_json(report: Report) -> str:
    return json_text(report.values())


def as_text(report: Report, name: str) -> str:
    """In one of the page's formats of one file."""
    return FILES[name].text(page_of(report))


as_markdown: Callable[[Report], str] = partial(as_text, name="md")
as_html: Callable[[Report], str] = partial(as_text, name="html")

#: Formats of one file.
FORMATS: dict[str, Callable[[Report], str]] = {"json": as_json, **{name: partial(as_text, name=name) for name in FILES}}


def suffix(name: str) -> str:
    """Of a file in a format."""
    return FILES[name].suffix if name in FILES else f".{name}"


@checked
def write_tables(report: Report, folder: Path | str) -> list[Path]:
    """Every table as `SECTION-TABLE.csv` in the folder."""
    return formats.write_tables(page_of(report), Path(folder))


@checked
def write_figures(
    report: Report, folder: Path | str, kind: FigureType = "svg", progress: Progress = silent
) -> list[Path]:
    """Every figure as `SECTION-FIGURE.KIND` in the folder."""
    return formats.write_figures(page_of(report), Path(folder), kind, progress)
