"""What leaves the app: reports, and the text of a panel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icldiag.files import free_path, write_whole
from icldiag.render.visible import visible
from icldiag.tui.messages import Progress

if TYPE_CHECKING:
    from icldiag.session import Session
    from icldiag.tui.panels.base import Panel
    from icldiag.tui.state import State


def write_reports(session: Session, stem: Path, progress: Progress) -> list[Path]:
    """The report in every format, beside each other; where they are. Raises IcldiagError."""
    from icldiag.report.document import make_report
    from icldiag.report.write import FORMATS

    report = make_report(session, progress=progress)
    paths = [stem.with_suffix(f".{name}") for name in FORMATS]
    for path, render in zip(paths, FORMATS.values(), strict=True):
        write_whole(render(report), path)
    return paths


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
