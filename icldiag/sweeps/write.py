"""A sweep's page in every format, in one folder."""

from __future__ import annotations

from pathlib import Path

from icldiag.files import write_whole
from icldiag.model.readout import Progress, silent
from icldiag.page.blocks import Page
from icldiag.page.figures import FigureType
from icldiag.page.html import page_as_html
from icldiag.page.latex import page_as_latex
from icldiag.page.markdown import page_as_markdown
from icldiag.report.write import write_page_figures, write_page_tables


def write_sweep(page: Page, folder: Path, figure_type: FigureType = "pdf", progress: Progress = silent) -> None:
    """Write sweep.html, sweep.md, tables.tex, and the folders csv and figures. Raises IcldiagError."""
    write_page_tables(page, folder / "csv")
    write_page_figures(page, folder / "figures", figure_type, progress)
    for name, text in (
        ("sweep.html", page_as_html(page)),
        ("sweep.md", page_as_markdown(page)),
        ("tables.tex", page_as_latex(page)),
    ):
        write_whole(text, folder / name)
