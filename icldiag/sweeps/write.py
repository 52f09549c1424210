"""A sweep's page in every format, in one folder."""

from __future__ import annotations

from pathlib import Path

from icldiag.files import write_whole
from icldiag.model.readout import Progress, silent
from icldiag.page.blocks import Page
from icldiag.page.figures import FigureType
from icldiag.page.formats import FILES, FOLDERS


def write_sweep(page: Page, folder: Path, figure_type: FigureType = "pdf", progress: Progress = silent) -> None:
    """Write sweep.html, sweep.md, tables.tex, and the folders csv and figures. Raises IcldiagError."""
    for name, write in FOLDERS.items():
        write(page, folder / name, figure_type, progress)
    for name, file in (("html", "sweep.html"), ("md", "sweep.md"), ("latex", "tables.tex")):
        write_whole(FILES[name].text(page), folder / file)
