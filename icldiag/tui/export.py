"""What leaves the app: reports, and the text of a panel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from icldiag.files import free_path, write_whole
from icldiag.tui.messages import Progress
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.page.figures import FigureType
    from icldiag.session import Session
    from icldiag.tui.panels.base import Panel
    from icldiag.tui.state import State


#: What can be chosen in the command palette, in its words; all that `icldiag report --format` writes.
FORMATS = {
    "html": "the report as an HTML page",
    "md": "the report as Markdown",
    "json": "every number as JSON",
    "csv": "every table as CSV",
    "svg": "figures as SVG",
    "png": "figures as PNG",
    "pdf": "figures as PDF",
}
ONE_KEY = ("html", "md", "json")  # what the key writes without a question


def write_reports(session: Session, folder: Path, stem: str, formats: Sequence[str], progress: Progress) -> list[str]:
    """Compute what is not there yet, and write each format into the folder, as a file or as a folder of files.

    Returns where they are, in words. Raises IcldiagError.
    """
    from icldiag.report import write
    from icldiag.report.document import make_report

    report = make_report(session, progress=progress)
    told = []
    for name in formats:
        if name in write.FORMATS:
            place = folder / f"{stem}-report.{name}"
            write_whole(write.FORMATS[name](report), place)
            told.append(str(place))
        elif name == "csv":
            place = folder / f"{stem}-tables"
            told.append(f"{len(write.write_tables(report, place))} files in {place}")
        else:
            place = folder / f"{stem}-figures"
            told.append(
                f"{len(write.write_figures(report, place, cast('FigureType', name), progress))} files in {place}"
            )
    return told


def panel_text(state: State, panel: Panel) -> str:
    """All that a panel shows, under the prompt's name and the query."""
    text = panel.plain_text()
    if state.prompt is not None:
        text = f"{visible(state.prompt.name)}: {visible(state.prompt.queries[state.query].text)}\n\n{text}"
    return text


def save_panel(state: State, panel: Panel, text: str) -> Path:
    """Write a panel's text into the working directory, under a name that is still free. Raises IcldiagError."""
    target = free_path(Path.cwd() / f"{state.path.stem}-{panel.id}.txt")
    write_whole(text, target)
    return target
