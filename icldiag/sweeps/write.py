"""A sweep's page in every format, in one folder."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from icldiag.files import write_whole
from icldiag.model.readout import Progress, silent
from icldiag.own_files import sweep_up, writing
from icldiag.page.blocks import Page
from icldiag.page.figures import FigureType
from icldiag.page.formats import FILES, FOLDERS

#: The files that it writes, by folder.
_NAMES = {".": r"sweep\.html|sweep\.md|tables\.tex", "csv": r".+\.csv", "figures": r".+\.(svg|png|pdf)"}


def write_sweep(page: Page, folder: Path, figure_type: FigureType = "pdf", progress: Progress = silent) -> None:
    """Write sweep.html, sweep.md, tables.tex, and the folders csv and figures. Raises IcldiagError."""
    with ExitStack() as held:
        for within, names in _NAMES.items():
            with suppress(OSError):  # told below
                (folder / within).mkdir(parents=True, exist_ok=True)
            sweep_up(folder / within, names)
            held.enter_context(writing(folder / within))
        for name, write in FOLDERS.items():
            write(page, folder / name, figure_type, progress)
        for name, file in (("html", "sweep.html"), ("md", "sweep.md"), ("latex", "tables.tex")):
            write_whole(FILES[name].text(page), folder / file)
