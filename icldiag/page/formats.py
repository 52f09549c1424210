"""The formats that a page can be written in: the one table that reports, comparisons, sweeps and the app share.

To add one: a writer in this folder, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from icldiag.counting import counted
from icldiag.files import free_path, make_folder, write_whole
from icldiag.page.blocks import Figure, Page, Table
from icldiag.page.figures import FigureType, file_content
from icldiag.page.html import page_as_html
from icldiag.page.latex import page_as_latex
from icldiag.page.markdown import page_as_markdown
from icldiag.page.tables import as_csv
from icldiag.page.terminal import page_as_text

Progress = Callable[[str, int, int], object]
Named = TypeVar("Named", Figure, Table)


@dataclass(frozen=True)
class FileFormat:
    """A page as one text file."""

    suffix: str
    text: Callable[[Page], str]


FILES: dict[str, FileFormat] = {
    "md": FileFormat(".md", page_as_markdown),
    "html": FileFormat(".html", page_as_html),
    "text": FileFormat(".txt", page_as_text),
    "latex": FileFormat(".tex", page_as_latex),
}


def format_of(given: str | None, output: Path | None, otherwise: str) -> str:
    """The format that is named, or else that of the output's ending."""
    if given is not None or output is None:
        return given or otherwise
    endings = {".json": "json", ".htm": "html", **{one.suffix: name for name, one in FILES.items()}}
    return endings.get(output.suffix.lower(), otherwise)


def write_tables(
    page: Page, folder: Path, figure_type: FigureType = "svg", progress: Progress | None = None
) -> list[Path]:
    """Every table as `PART-TABLE.csv` in the folder. Raises IcldiagError where it cannot be written."""
    return _write(folder, {f"{place}.csv": as_csv(table) for place, table in _blocks(page, Table)})


def write_figures(
    page: Page, folder: Path, figure_type: FigureType = "svg", progress: Progress | None = None
) -> list[Path]:
    """Every figure as `PART-FIGURE.TYPE` in the folder. Raises IcldiagError where it cannot be written."""
    figures = list(_blocks(page, Figure))
    files: dict[str, str | bytes] = {}
    for done, (place, figure) in enumerate(figures):
        if progress is not None:
            progress("figures", done, len(figures))
        files[f"{place}.{figure_type}"] = file_content(figure, figure_type)
    return _write(folder, files)


#: Formats of several files, in a folder.
FOLDERS: dict[str, Callable[[Page, Path, FigureType, Progress | None], list[Path]]] = {
    "csv": write_tables,
    "figures": write_figures,
}


def write_new(page: Page, name: str, file: Path, folder: Path, progress: Progress) -> str:
    """Write a page in a format of one file, as "csv", or as figures of a type, and say where.

    What is there already stays: the name then gets a number. Raises IcldiagError where it cannot be written.

    Args:
        file, folder: what the names begin with, of a file and of a folder of files.
    """
    if name in FILES:
        place = free_path(file.with_name(f"{file.name}{FILES[name].suffix}"))
        write_whole(FILES[name].text(page), place)
        return str(place)
    place = free_path(folder.with_name(f"{folder.name}-{'tables' if name == 'csv' else 'figures'}"))
    files = (
        write_tables(page, place) if name == "csv" else write_figures(page, place, cast("FigureType", name), progress)
    )
    return f"{counted(len(files), 'file')} in {place}"


def _blocks(page: Page, kind: type[Named]) -> Iterator[tuple[str, Named]]:
    for part in page.parts:
        for block in part.blocks:
            if isinstance(block, kind):
                yield f"{part.name}-{block.name}", block


def _write(folder: Path, files: dict[str, Any]) -> list[Path]:
    make_folder(folder)
    for name, content in files.items():
        write_whole(content, folder / name)
    return [folder / name for name in files]
