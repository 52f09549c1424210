"""`icldiag predict`: a prompt as a classifier of the texts in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from icldiag.commands.endings import stop_code
from icldiag.commands.model_options import takes_model
from icldiag.commands.options import Force, GpusPerWorker, PromptPath, Ray, Workers, require_ray
from icldiag.prompt.importers.importer import FieldColumns, TextColumn

if TYPE_CHECKING:
    from icldiag.classifier.workers import Workers as Answering
    from icldiag.model.settings import ModelSettings, Stage
    from icldiag.prompt.schema import Prompt

_BLANK = "Leave rows without a text, or with one that is too long, without a prediction; else they are refused."


@takes_model
def predict(
    prompt: PromptPath,
    texts: Annotated[Path, typer.Argument(metavar="TEXTS", help="CSV, TSV or JSONL, of any length.")],
    *,
    model: ModelSettings,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write here, as its ending says; - prints, as TEXTS is.")
    ] = None,
    text: TextColumn = "text",
    field: FieldColumns = None,
    column: Annotated[str, typer.Option(help="What the new column of labels is called.")] = "predicted",
    probabilities: Annotated[
        Literal["all", "chosen", "none"], typer.Option(help="Of every class, of the label alone, or none.")
    ] = "all",
    anchors_only: Annotated[
        bool, typer.Option("--anchors-only", help="Read the demonstrations' label words and template alone: quicker.")
    ] = False,
    blank: Annotated[bool, typer.Option("--blank", help=_BLANK)] = False,
    resume: Annotated[
        bool, typer.Option("--resume/--again", help="Continue an interrupted run, or start over.")
    ] = True,
    force: Force = False,
    ray: Ray = None,
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = None,
) -> None:
    """Label every row of a file; all its columns are kept. An interrupted run goes on where it was."""
    require_ray(ray, workers, gpus_per_worker)
    from icldiag.classifier.output import open_output
    from icldiag.classifier.predictions import Columns, Writer, identity, survey, write_predictions
    from icldiag.errors import IcldiagError, UsageError
    from icldiag.files import check_destination, is_stdout
    from icldiag.inputs.sources import sources
    from icldiag.progress import progress_on_stderr
    from icldiag.prompt.importers.importer import columns
    from icldiag.prompt.read import read_prompt
    from icldiag.prompt.table_stream import TableStream, columns_of
    from icldiag.quoting import quoted_path
    from icldiag.store import model_identity
    from icldiag.visible import visible

    if not column.strip() or not column.isprintable():
        raise UsageError("--column is the name of the new column: some characters, on one line")
    with sources() as read:
        written = read_prompt(prompt)
        stream = TableStream.of(texts, columns_of(written, text, columns(field)))
    read.refuse(output)
    added = Columns(column, probabilities, written.label_names)
    check_destination(output)
    target = None if is_stdout(output) else output
    writer = Writer(stream, added, target)
    options = {"--anchors-only": anchors_only}
    known = identity(written, repr((model, model_identity(model))), stream, writer, added, options)
    with open_output(target, known, again=not resume, force=force) as opened:
        begun = opened.begun
        found = survey(stream, writer, begun.rows, blank)  # what is wrong in the last row is told before the first
        if begun.rows and (found.rows < begun.rows or found.fingerprint != begun.fingerprint):
            raise IcldiagError(f"{quoted_path(texts)} is not as the interrupted run read it; start over with --again")
        if begun.blank and not blank:
            raise IcldiagError("the interrupted run left rows blank; continue with --blank, or start over with --again")
        try:
            with (
                progress_on_stderr() as (stage, progress),
                _workers(written, model, anchors_only, ray, workers, gpus_per_worker, stage) as who,
            ):
                tally = write_predictions(who, stream, writer, opened, found.rows, blank=blank, progress=progress)
        except KeyboardInterrupt as stop:
            if target is not None:
                print("icldiag: stopped; what is done is kept, and the same command continues", file=sys.stderr)
            raise typer.Exit(stop_code(stop)) from None
    now = tally.rows - tally.first
    told = [
        f"rows {tally.first + 1} to {tally.rows} labelled by {visible(model.name)}"
        if now
        else "there are no more rows to label"
        if tally.first
        else f"{visible(str(texts))} has no rows"
    ]
    if tally.first:
        told.append(f"rows 1 to {tally.first} by an earlier run")
    if tally.blank:
        told.append(f"{tally.blank} without a prediction")
    if now:
        told.append(f"{now / tally.seconds:.3g} a second")
    place = "" if target is None else f"; written to {visible(str(target))}"
    print(f"{', '.join(told)}{place}", file=sys.stderr)


@contextmanager
def _workers(
    prompt: Prompt,
    model: ModelSettings,
    anchors_only: bool,
    ray: str | None,
    count: int | None,
    gpus_each: float | None,
    stage: Stage,
) -> Iterator[Answering]:
    """Who asks the model."""
    from icldiag.classifier.scorer import LabelScorer
    from icldiag.classifier.workers import Here, OnCluster
    from icldiag.ray_cluster import joined
    from icldiag.session import Session

    if ray is None:
        session = Session(prompt, model)
        session.load(stage)
        yield Here(LabelScorer(session, anchors_only=anchors_only))
        return
    foreign = None if prompt.calibration is None else prompt.calibration.warning(model.name)
    if foreign is not None:
        stage(f"warning: {foreign}")
    stage("joining the cluster")
    with joined(ray, count, gpus_each) as there:
        stage(f"{there.workers} workers")
        yield OnCluster(there, prompt, model, anchors_only)
