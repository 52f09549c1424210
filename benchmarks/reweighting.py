"""Does re-weighting help, and if not, why? python -m benchmarks.reweighting [--model M] [--sample S]

A Markdown table for the model card: mean negative log-probability of the gold label on each sample's queries, with the
accuracy in brackets, before and after training beta in several ways. Means over three draws of the examples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import typer

from icldiag.analyses.loyalty import Answers
from icldiag.analyses.reweighting.training import PAPER_CODE_RATE, TrainingSettings
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.samples import sample_names, sample_path
from icldiag.session import Session

DRAWS = 3
WAYS = {
    "4 per class, 0.01": TrainingSettings(),
    "4 per class, 0.1": TrainingSettings(learning_rate=PAPER_CODE_RATE),
    "4 per class, 0.1, full batch": TrainingSettings(learning_rate=PAPER_CODE_RATE, batch_size=0),
    "18 per class, 0.05, full batch": TrainingSettings(18, 40, 0.05, batch_size=0),
}


def loss_and_accuracy(answers: Answers) -> tuple[float, float]:
    """Over the queries whose gold label is known; a sample has some."""
    labelled = [(query, gold) for query, gold in enumerate(answers.gold) if gold is not None]
    chances = np.array([answers.probabilities[query, gold] for query, gold in labelled])
    assert answers.accuracy is not None
    return float(-np.log(chances).mean()), answers.accuracy


def row(session: Session) -> list[str]:
    """One sample's cells."""
    cells = [session.prompt.name]
    for index, settings in enumerate(WAYS.values()):
        trained = [session.reweighting(replace(settings, seed=seed)) for seed in range(DRAWS)]
        if index == 0:
            cells.append(_cell([loss_and_accuracy(trained[0].before)]))
        cells.append(_cell([loss_and_accuracy(one.after) for one in trained]))
    return cells


def _cell(measured: list[tuple[float, float]]) -> str:
    loss, accuracy = np.mean(measured, axis=0)
    return f"{loss:.2f} ({accuracy:.2f})"


def main(
    model: Annotated[str, typer.Option(help="'bundled', a Hugging Face name, or a folder.")] = "bundled",
    sample: Annotated[str | None, typer.Option(help="One sample prompt alone.")] = None,
) -> None:
    """Print the table."""
    loaded = load_model(ModelSettings(model, device="cpu"))
    columns = ["sample", "before", *WAYS]
    print("| " + " | ".join(columns) + " |")
    print("| " + " | ".join("---" for _ in columns) + " |", flush=True)
    for name in [sample] if sample else sample_names():
        print("| " + " | ".join(row(Session(sample_path(name), loaded))) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
