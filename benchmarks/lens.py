"""How far can the logit lens be read? python -m benchmarks.lens [--model M] [--queries N]

A Markdown table over the sample prompts' queries and all layers but the last: how often the label that leads by the
lens is the final answer, by how much of their final probability the label words hold there. The floor of
`icldiag.analyses.lens` is one half.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import numpy as np
import torch
import typer

from icldiag.analyses.lens import read_lens
from icldiag.model.load import load_model
from icldiag.model.padding import batch_of
from icldiag.model.readout import silent
from icldiag.model.settings import ModelSettings
from icldiag.samples import sample_names, sample_path
from icldiag.session import Session

EDGES = (0.0, 0.01, 0.1, 0.5, np.inf)
Row = tuple[float, bool]  # label words' probability over that at the end, and whether the final answer leads


def rows(session: Session, queries: int) -> list[Row]:
    """All layers' rows but the last of some queries, taken evenly."""
    asked = session.prompt.queries
    session = session.with_prompt(session.prompt.with_queries(asked[:: max(1, len(asked) // queries)][:queries]))
    model, encoded, found = session.model, session.encoded, []
    context = session.prefix(silent).key_values
    for query, answer in enumerate(session.prediction().predicted.tolist()):
        with torch.no_grad():
            batch = batch_of([encoded.queries[query].ids], len(encoded.prefix), model.device)
            run = model.run(batch, context=context, keep_inputs=True)
        lens = read_lens(model, encoded, query, torch.cat([hidden[:, -1:] for hidden in run.inputs]))
        leaders = lens.scores.argmax(axis=1) == answer
        found += list(zip((lens.mass / lens.mass[-1]).tolist(), leaders.tolist(), strict=True))[:-1]
    return found


def main(
    model: Annotated[str, typer.Option(help="A name or a folder.")] = "bundled",
    queries: Annotated[int, typer.Option(help="Of each sample.")] = 8,
) -> None:
    loaded = load_model(ModelSettings(model))
    found = np.array([row for name in sample_names() for row in rows(Session(sample_path(name), loaded), queries)])
    print("| of their final probability label words hold | rows | the final answer leads |\n| --- | --- | --- |")
    for low, high in pairwise(EDGES):
        inside = (found[:, 0] >= low) & (found[:, 0] < high)
        share = f"{found[inside, 1].mean():.2f}" if inside.any() else "-"
        print(f"| {low:.0%} and more, under {high:.0%} | {inside.sum()} | {share} |".replace(", under inf%", ""))


if __name__ == "__main__":
    typer.run(main)
