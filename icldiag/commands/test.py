"""`icldiag test`: prompts held to requirements, for a build that fails when one of them rots."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from icldiag.commands.completions import prompts
from icldiag.commands.model_options import takes_model
from icldiag.commands.options import prompt_path
from icldiag.errors import IcldiagError, UsageError

if TYPE_CHECKING:
    from icldiag.model.readout import Progress
    from icldiag.model.settings import ModelSettings
    from icldiag.progress import Stage
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.suite.requirements import Requirements
    from icldiag.suite.result import PromptResult

Prompts = Annotated[
    list[Path],
    typer.Argument(
        metavar="PROMPT...",
        parser=prompt_path,
        autocompletion=prompts,
        help="Prompt files, or samples.",
        show_default=False,
    ),
]
Share = Annotated[float | None, typer.Option(min=0, max=1, help="Of the queries with a gold label.")]


@takes_model
def test(
    prompts: Prompts,
    *,
    model: ModelSettings,
    min_accuracy: Share = None,
    min_balanced_accuracy: Annotated[
        float | None, typer.Option(min=0, max=1, help="The mean of the classes' shares of right answers.")
    ] = None,
    max_lean: Annotated[
        float | None,
        typer.Option(min=0, help="Nats by which the prompt, with its calibration, favours a label, whatever the text."),
    ] = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(help="An earlier JSON report, which the answers may not fall behind; one for each prompt."),
    ] = None,
    max_broken: Annotated[
        int | None, typer.Option(min=0, help="Right answers of the baseline that may be wrong now.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit's XML here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary in Markdown here.")] = None,
) -> None:
    """Test prompts against requirements. Status 1: one fails; 2: a prompt cannot be answered."""
    from icldiag.files import check_destination, write_document
    from icldiag.inputs.sources import sources
    from icldiag.page.formats import FILES
    from icldiag.page.terminal import print_page
    from icldiag.progress import progress_on_stderr
    from icldiag.report.read import read_report
    from icldiag.suite.requirements import Requirements
    from icldiag.suite.result import as_junit, page_of_results

    try:
        wanted = Requirements(min_accuracy, min_balanced_accuracy, max_lean, max_broken)
        if wanted == Requirements() and not baseline:
            raise UsageError(
                "nothing is required; give --min-accuracy, --min-balanced-accuracy, --max-lean or --baseline"
            )
        if max_broken is not None and not baseline:
            raise UsageError("--max-broken counts against a report; name it with --baseline")
        for output in (junit, markdown):
            check_destination(output)
        with sources() as read:
            reports = {str(path): read_report(path) for path in baseline or ()}
            for path in prompts:
                with suppress(OSError):
                    read.add(path.stat())
            for output in (junit, markdown):  # before anything is answered
                read.refuse(output)
            with progress_on_stderr() as (stage, progress):
                results = _results(prompts, model, wanted, reports, stage, progress)
        for output in (junit, markdown):
            read.refuse(output)
        page = page_of_results(results, model.name)
        if junit is not None:
            write_document(as_junit(results), junit)
        if markdown is not None:
            write_document(FILES["md"].text(page), markdown)
        print_page(page)  # last, whoever reads along
        sys.stdout.flush()
    except IcldiagError as error:
        error.exit_code = 2  # 1 is a requirement that fails
        raise
    if any(result.error is not None for result in results):
        raise typer.Exit(2)
    if not all(result.passes for result in results):
        raise typer.Exit(1)


def _results(
    prompts: list[Path],
    model: ModelSettings,
    wanted: Requirements,
    reports: dict[str, dict[str, Any]],
    stage: Stage,
    progress: Progress,
) -> list[PromptResult]:
    """Of each prompt in turn, on one loaded model; one that cannot be read or answered does not stop the others."""
    from icldiag.model.load import load_model
    from icldiag.prompt.read import read_prompt
    from icldiag.session import Session
    from icldiag.store import open_store
    from icldiag.suite.requirements import Outcome
    from icldiag.suite.result import PromptResult

    read: dict[Path, Prompt | IcldiagError] = {}
    for path in prompts:
        try:
            read[path] = read_prompt(path)
        except IcldiagError as failure:
            read[path] = failure
    if all(isinstance(one, IcldiagError) for one in read.values()):  # nothing to load a model for
        return [PromptResult(path, (), 0.0, str(read[path])) for path in prompts]
    loaded = load_model(model, stage)  # a model that cannot be loaded is an error of the whole
    results = []
    for number, path in enumerate(prompts, start=1):
        progress(f"prompt {number} of {len(prompts)}", 0, 0)
        began, outcomes, error = time.monotonic(), list[Outcome](), None
        try:
            written = read[path]
            if isinstance(written, IcldiagError):
                raise written
            session = Session(written, loaded, store=open_store(written, model))
            outcomes += wanted.outcomes(session, progress, _baseline_of(session, reports, len(prompts)))
        except IcldiagError as failure:
            error = str(failure)
        results.append(PromptResult(path, tuple(outcomes), time.monotonic() - began, error))
    return results


def _baseline_of(session: Session, reports: dict[str, dict[str, Any]], prompts: int) -> dict[str, Any] | None:
    """The report of this prompt, by its name, or a redacted one by its SHA-256; of one prompt and one report, that.

    Raises:
        IcldiagError: none is, or several are.
    """
    if not reports:
        return None
    if len(reports) == prompts == 1:
        return next(iter(reports.values()))
    name = session.prompt.name
    hidden = [report for report in reports.values() if report["redacted"]]
    named = [report for report in reports.values() if report["prompt"]["name"] == name and not report["redacted"]]
    found = named or [report for report in hidden if report["prompt"]["sha256"] == session.prompt.hash]
    if len(found) != 1:
        told = f"; {len(hidden)} of them tell no name, for they are redacted" if hidden else ""
        raise UsageError(
            f"{len(found)} of the reports of --baseline are of a prompt named {name!r:.80}{told}; give one"
        )
    return found[0]
