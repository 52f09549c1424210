"""Reports as texts and as folders of files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from icldiag.errors import IcldiagError
from icldiag.files import write_whole
from icldiag.model.readout import Progress, silent
from icldiag.page.blocks import Figure, Page, Table
from icldiag.page.figures import FigureType, file_content
from icldiag.page.html import page_as_html
from icldiag.page.markdown import page_as_markdown
from icldiag.page.tables import as_csv
from icldiag.report.document import Report
from icldiag.report.page import page_of

Named = TypeVar("Named", Figure, Table)

# JSON strings may hold these raw, but a terminal that the report is printed on would obey or reorder.
_HARMFUL = re.compile("[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(values: Any) -> str:
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1)
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def as_json(report: Report) -> str:
    return json_text(report.values())


def as_markdown(report: Report) -> str:
    return page_as_markdown(page_of(report))


def as_html(report: Report) -> str:
    return page_as_html(page_of(report))


#: Formats of one file.
FORMATS: dict[str, Callable[[Report], str]] = {"json": as_json, "md": as_markdown, "html": as_html}


def write_tables(report: Report, folder: Path) -> list[Path]:
    """Every table as `SECTION-TABLE.csv` in the folder."""
    return write_page_tables(page_of(report), folder)


def write_page_tables(page: Page, folder: Path) -> list[Path]:
    return _write(folder, {f"{place}.csv": as_csv(table) for place, table in _found(page, Table)})


def write_figures(report: Report, folder: Path, kind: FigureType = "svg", progress: Progress = silent) -> list[Path]:
    """Every figure as `SECTION-FIGURE.KIND` in the folder."""
    return write_page_figures(page_of(report), folder, kind, progress)


def write_page_figures(page: Page, folder: Path, kind: FigureType, progress: Progress = silent) -> list[Path]:
    figures = list(_found(page, Figure))
    files: dict[str, str | bytes] = {}
    for done, (place, figure) in enumerate(figures):
        progress("figures", done, len(figures))
        files[f"{place}.{kind}"] = file_content(figure, kind)
    return _write(folder, files)


#: Formats of a folder of files.
FOLDER_FORMATS = ("csv", "figures")


def _found(page: Page, kind: type[Named]) -> Iterator[tuple[str, Named]]:
    for part in page.parts:
        for block in part.blocks:
            if isinstance(block, kind):
                yield f"{part.name}-{block.name}", block


def _write(folder: Path, files: dict[str, Any]) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IcldiagError(
            f"cannot make the folder {str(folder)!r}: {error.strerror}; choose another with -o"
        ) from None
    for name, content in files.items():
        write_whole(content, folder / name)
    return [folder / name for name in files]
