"""Samples that lm-evaluation-harness logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer


def read(
    samples: Annotated[Path, typer.Argument(metavar="SAMPLES", help="samples_TASK_DATE.jsonl (--log_samples).")],
    results: Annotated[
        Path | None, typer.Option(help="The run's results file; by default the one beside the samples.")
    ] = None,
    filter: Annotated[str | None, typer.Option(help="The filter whose answers to take; the first by default.")] = None,
    doc: Annotated[str | None, typer.Option(help="The doc_id to import, with its own demonstrations.")] = None,
    others: Annotated[bool, typer.Option("--others", help="With --doc: ask all other documents too.")] = False,
    per_document: Annotated[
        bool, typer.Option("--per-document", help="Every document with its own demonstrations, where they differ.")
    ] = False,
    only_wrong: Annotated[bool, typer.Option("--only-wrong", help="Only documents that were answered wrong.")] = False,
) -> Import:
    """Import a multiple_choice or generate_until task that was run with --log_samples."""
    from icldiag.prompt.lm_eval.choice import Choice
    from icldiag.prompt.lm_eval.convert import import_log
    from icldiag.prompt.logged import Logged

    found = import_log(samples, results, Choice(filter, doc, others, only_wrong, per_document))
    right = f"{len(found.prompt.queries)} documents; lm-eval answered {found.right} of them right"
    logged = Logged.of("lm-eval", found.model, found.given)
    return Import(found.prompt, (right, *found.notes), found.inferred, logged=logged)


def recognises(path: Path) -> bool:
    from icldiag.prompt.lm_eval.log import is_log
    from icldiag.prompt.tables import SUFFIXES

    return path.suffix.lower() in (".json", *SUFFIXES) and is_log(path)


IMPORTER = Importer(read, guesses=True, recognises=recognises)
