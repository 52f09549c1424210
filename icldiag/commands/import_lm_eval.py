"""`icldiag import lm-eval`: from samples that lm-evaluation-harness logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.commands.options import Force, Output, Yes


def import_lm_eval(
    samples: Annotated[Path, typer.Argument(metavar="SAMPLES", help="samples_TASK_DATE.jsonl (--log_samples).")],
    results: Annotated[
        Path | None, typer.Option(help="The run's results file; by default the one beside the samples.")
    ] = None,
    filter: Annotated[str | None, typer.Option(help="The filter whose answers to take; the first by default.")] = None,
    doc: Annotated[str | None, typer.Option(help="The doc_id to import, with its own demonstrations.")] = None,
    others: Annotated[bool, typer.Option("--others", help="With --doc: ask all other documents too.")] = False,
    only_wrong: Annotated[bool, typer.Option("--only-wrong", help="Only documents that were answered wrong.")] = False,
    output: Output = None,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Import a multiple_choice or generate_until task that was run with --log_samples."""
    from icldiag.commands.prompt_output import output_prompt
    from icldiag.prompt.lm_eval.convert import Choice, import_log

    found = import_log(samples, results, Choice(filter, doc, others, only_wrong))
    told = [f"{len(found.prompt.queries)} documents; lm-eval answered {found.right} of them right", *found.notes]
    output_prompt(found.prompt, told, output, ask=found.inferred and not yes, force=force)
