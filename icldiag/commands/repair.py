"""`icldiag repair`: find what mends a prompt, tell what it does to other examples, and write the repaired file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from icldiag.commands.model_options import takes_model
from icldiag.commands.options import PromptPath

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


@takes_model
def repair(
    prompt: PromptPath,
    *,
    model: ModelSettings,
    budget: Annotated[int, typer.Option(help="How many candidates are tried.", min=1)] = 40,
    query: Annotated[str | None, typer.Option(help="Repair this query: its number, or a part of its text.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the prompt file here; - prints.")] = None,
    take: Annotated[
        int | None,
        typer.Option(help="Write the repair of this rank, confirmed or not; 0: the prompt as it is.", min=0),
    ] = None,
    form: Annotated[
        Literal["prompt", "text", "messages", "logit-bias"],
        typer.Option("--as", help="Write it for icldiag, or for other programs ('icldiag docs use')."),
    ] = "prompt",
    placeholder: Annotated[str, typer.Option(help="--as text, messages: stands for the query.")] = "{text}",
    show: Annotated[int, typer.Option(help="How many repairs are listed.", min=0)] = 10,
    seed: Annotated[int, typer.Option(help="Cuts the examples in parts and draws orders.")] = 0,
) -> None:
    """Try repairs on labelled examples; write the one that holds.

    It is confirmed on other examples than it was chosen by, and shown as a diff.

    Calibrations come first and are quick; the best so far is shown after each step, and Ctrl-C ends the search with it.
    """
    from icldiag.inputs.sources import sources
    from icldiag.prompt.read import read_prompt

    with sources() as read:
        written = read_prompt(prompt)  # a wrong prompt is told before torch is imported
    read.refuse(output, but=prompt if form == "prompt" else None)

    from icldiag.analyses.repairs import FindRepairs, trial_in_short
    from icldiag.analyses.search.partition import make_parts
    from icldiag.clients.write import require_for_clients, write_for_clients
    from icldiag.errors import IcldiagError, UsageError
    from icldiag.files import check_destination, is_stdout
    from icldiag.model.settings import BUNDLED
    from icldiag.progress import progress_on_stderr
    from icldiag.quoting import quoted_path
    from icldiag.repair_output import (
        chosen_query,
        chosen_trial,
        closing_words,
        cost,
        ranking,
        repair_diff,
        repaired,
        repairs_nothing,
        search,
        summary,
        verify,
        write_repair,
    )
    from icldiag.session import Session
    from icldiag.store import open_store
    from icldiag.visible import visible

    aside = sys.stderr if output is not None and is_stdout(output) else sys.stdout  # stdout is then the prompt's
    number = None if query is None else chosen_query(written, query)
    check_destination(output)
    if form != "prompt" and output is None:
        raise UsageError(f"--as {form} is for writing; name a file with -o, or - to print it")
    if take == 0 and form == "prompt":
        raise UsageError("--take 0 is the prompt as it is, for --as text, messages or logit-bias; its file is there")
    if take == 0 and form != "prompt":
        require_for_clients(written, form)
    else:
        make_parts(written, number, seed)  # too few texts are told before the model is loaded
    with closing_words(aside) as told, progress_on_stderr() as (stage, progress):
        session = Session(written, model, store=open_store(written, model))
        session.load(stage)
        if take == 0 and form != "prompt":
            told.append(write_for_clients(session, form, output, placeholder, progress))
            return
        repairs = search(session, FindRepairs(number, budget, seed), progress)
        told += summary(repairs), "", *ranking(repairs, show)
        taken = chosen_trial(repairs, take)
        if taken is None:
            if output is not None:
                raise IcldiagError(
                    f"no repair holds, so {quoted_path(output)} is not written; --take N writes one all the same"
                )
            return
        diff = [] if form != "prompt" else ["", repair_diff(session, taken, output)]  # of what is written
        if form != "prompt":
            other = repaired(session, repairs, taken, form, "--take {}")
            told_last = write_for_clients(other, form, output, placeholder, progress)
            if repairs_nothing(taken.repair, written, form):
                told_last += (
                    " So nothing in it is repaired; a larger --budget tries other demonstrations and words too."
                )
        elif output is None:
            told_last = f"Written with -o FILE. Afterwards {cost(repairs, taken)}."
        elif write_repair(session, taken.repair, output) is None:
            told_last = f"Written, and not opened again, as it went into no file. Afterwards {cost(repairs, taken)}."
        else:
            told_last = verify(session, repairs, taken, output, progress)
            model_option = "" if model.name == BUNDLED else f" --model {model.name}"
            told_last += f"\nNew texts are labelled by: icldiag predict {visible(str(output))} TEXTS{model_option}"
        own = "" if taken is repairs.best else f"\n{visible(taken.repair.name)}: {trial_in_short(repairs, taken)}"
        told += *diff, "", told_last + own
