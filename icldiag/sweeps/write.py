"""A sweep's page in every format, in one folder."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from icldiag.files import write_whole
from icldiag.model.readout import Progress, silent
from icldiag.own_files import sweep_up, writing
from icldiag.report.blocks import Page
from icldiag.report.figures import FigureType
from icldiag.report.html import page_as_html
from icldiag.report.latex import page_as_latex
from icldiag.report.markdown import page_as_markdown
from icldiag.report.write import write_page_figures, write_page_tables

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
        write_page_tables(page, folder / "csv")
        write_page_figures(page, folder / "figures", figure_type, progress)
        for name, text in (
            ("sweep.html", page_as_html(page)),
            ("sweep.md", page_as_markdown(page)),
            ("tables.tex", page_as_latex(page)),
        ):
            write_whole(text, folder / name)
