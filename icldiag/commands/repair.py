"""`icldiag repair`: find what mends a prompt, tell what it does to other examples, and write the repaired file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.commands.options import (
    Compile,
    Device,
    DeviceMap,
    Dtype,
    Model,
    PromptPath,
    Quantize,
    Revision,
    Trust,
    model_settings,
)


def repair(
    prompt: PromptPath,
    model: Model = "bundled",
    budget: Annotated[int, typer.Option(help="How many candidates are tried.", min=1)] = 40,
    query: Annotated[str | None, typer.Option(help="Mend this query: its number, or a part of its text.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the repaired prompt file here.")] = None,
    take: Annotated[int | None, typer.Option(help="Write the repair of this rank, confirmed or not.", min=1)] = None,
    show: Annotated[int, typer.Option(help="How many repairs are listed.", min=0)] = 10,
    seed: Annotated[int, typer.Option(help="Cuts the examples in parts and draws orders.")] = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    device_map: DeviceMap = None,
    quantize: Quantize = None,
    compiled: Compile = False,
) -> None:
    """Try repairs on labelled examples; write the one that holds on others than it was chosen by, and show the diff."""
    from icldiag.prompt.schema import read_prompt

    written = read_prompt(prompt)  # a wrong prompt is told before torch is imported

    from icldiag.errors import IcldiagError
    from icldiag.progress import progress_on_stderr
    from icldiag.repaired import chosen_query, cost, ranking, repaired_diff, told, verified, written_file
    from icldiag.session import Session
    from icldiag.store import open_store

    number = None if query is None else chosen_query(written, query)
    with progress_on_stderr() as (stage, progress):
        chosen = model_settings(model, device, dtype, revision, trust_remote_code, device_map, quantize, compiled)
        session = Session(written, chosen, store=open_store(written, chosen))
        session.load(stage)
        repairs = session.repairs(number, budget, seed=seed, progress=progress)
        print("\n".join((told(repairs), "", *ranking(repairs, show))))
        if take is not None and take > len(repairs.trials):
            raise IcldiagError(f"--take {take}: only {len(repairs.trials)} repairs were tried")
        taken = repairs.trials[take - 1] if take else repairs.best
        if taken is None or (take is None and repairs.holds is False):
            if output is not None:
                raise IcldiagError(
                    f"no repair holds, so {str(output)!r} is not written; --take N writes one all the same"
                )
            return
        diff = repaired_diff(session, taken, output)
        if output is None:
            told_last = f"Written with -o FILE. Afterwards {cost(repairs, taken)}."
        else:
            written_file(session, taken, output)
            told_last = verified(session, repairs, taken, output, progress)
    print(f"\n{diff}\n\n{told_last}")
