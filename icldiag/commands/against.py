"""`icldiag report PROMPT --model A --against B`: the same prompt on two models."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from icldiag.errors import UsageError

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings
    from icldiag.page.figures import FigureType
    from icldiag.progress import Report, Stage
    from icldiag.prompt.schema import Prompt
    from icldiag.report.settings import ReportSettings


def other(model: ModelSettings, name: str) -> ModelSettings:
    """The other model with the same options; a revision is the first one's own. Raises IcldiagError for the same."""
    found = replace(model, name=name, revision=None)
    if found == model:
        raise UsageError("--against names the same model as --model; name another")
    return found


def refuse_of_one(format: str, beta: Path | None, save_beta: Path | None) -> None:
    """Raises IcldiagError for what only a report of one model has."""
    for option, given in (("--beta", beta), ("--save-beta", save_beta)):
        if given is not None:
            raise UsageError(f"{option} is for one model, whose heads it weights; leave it out with --against")
    if format == "json":
        raise UsageError(
            "--format json is a report of one model: make one of each and compare them with icldiag diff, or take csv "
            "for the numbers"
        )


def write_comparison(
    prompt: Prompt,
    models: tuple[ModelSettings, ModelSettings],
    only: Sequence[str] | None,
    settings: ReportSettings,
    format: str,
    output: Path | None,
    figure_type: FigureType,
    redact: bool,
    stage: Stage,
    progress: Report,
) -> None:
    """Compute both reports and write what differs, as `icldiag diff` does."""
    from icldiag.counting import counted
    from icldiag.files import is_stdout, write_document
    from icldiag.page.formats import FILES, FOLDERS
    from icldiag.page.terminal import print_page
    from icldiag.report.models import compare_models
    from icldiag.visible import visible

    page = compare_models(prompt, *models, only, settings, progress, stage, redact).page
    if format in FOLDERS and output is not None:
        files = FOLDERS[format](page, output, figure_type, progress)
        print(f"{counted(len(files), 'file')} written to {visible(str(output))}", file=sys.stderr)
    elif format == "text" and output is None:
        print_page(page)
    else:
        write_document(FILES[format].text(page), output)
        if not is_stdout(output):
            print(f"comparison written to {visible(str(output))}", file=sys.stderr)
