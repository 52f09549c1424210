"""What leaves the app of two models that were asked the same prompt: the comparison of `icldiag report --against`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from icldiag.files import free_path, write_whole

if TYPE_CHECKING:
    from icldiag.model.readout import Progress
    from icldiag.session import Session
    from icldiag.tui.export_screen import Content


def write_two(
    sessions: tuple[Session, Session],
    folder: Path,
    stem: str,
    formats: Sequence[str],
    content: Content,
    progress: Progress,
    wrote: Callable[[str], object],
    writing: AbstractContextManager[object],
) -> None:
    """Write the comparison in each format, and the other model's report as JSON; arguments as of `write_reports`.

    Both models are asked without a re-weighting, which is one model's. Of everything, what `compare_models` compares.
    """
    from icldiag.page.formats import write_new
    from icldiag.report.document import make_report
    from icldiag.report.models import COMPARED, ModelComparison
    from icldiag.report.read import as_read
    from icldiag.report.write import as_json

    computed = content.scope == "computed"
    names = None if computed else ["prediction", *(content.sections or COMPARED)]
    reports = []
    for letter, session in zip("ab", sessions, strict=True):

        def told(what: str, done: int, total: int, letter: str = letter) -> None:
            progress(f"exporting model {letter}: {what}", done, total)

        query = None if content.scope == "everything" else content.query
        report = make_report(session.without_beta(), names, progress=told, query=query, computed=computed)
        reports.append(as_json(report.redacted() if content.redact else report))
    page = ModelComparison(*map(as_read, reports)).page
    for name in formats:
        progress(f"exporting two models: {name}", 0, 0)
        with writing:
            if name == "json":
                place = free_path(folder / f"{stem}-other-model.json")
                write_whole(reports[1], place)
                wrote(str(place))
            else:
                models = folder / f"{stem}-models"
                wrote(write_new(page, name, models, models, progress))
