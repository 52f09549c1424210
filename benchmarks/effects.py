"""Does the model show the paper's effects on the sample prompts? python -m benchmarks.effects [--model M]

A Markdown table for the model card: isolation of the first and the last quarter of the layers (label loyalty), AUCROC
in the shallow and the deep half, the layer from which the target reads label words more than they read texts, the
loyalty of the compressed prompts, and accuracy before and after re-weighting.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.samples import sample_names, sample_path
from icldiag.session import Session

COLUMNS = (
    "sample",
    "first quarter cut",
    "last quarter cut",
    "AUCROC shallow",
    "AUCROC deep",
    "S_pq above S_wp from layer",
    "Hidden_anchor",
    "Text_anchor",
    "Hidden_random",
    "accuracy",
    "re-weighted",
)


def row(session: Session) -> list[str]:
    """One sample's cells."""
    layers = session.model.n_layers
    quarter, half = max(1, layers // 4), layers // 2
    sweep = session.isolation()
    aucroc = session.extraction().aucroc
    collected, read, _ = np.nan_to_num(session.saliency().shares)
    over = [layer for layer in range(layers) if (read[layer:] > collected[layer:]).all()]
    compressed, trained = session.compression(), session.reweighting()
    random_mean, random_spread = compressed.hidden_random.label_loyalty
    return [
        session.prompt.name,
        _two(sweep.first[quarter - 1].answers.label_loyalty),
        _two(sweep.last[quarter - 1].answers.label_loyalty),
        _mean(aucroc[:half]),
        _mean(aucroc[half:]),
        str(over[0]) if over else "none",
        _two(compressed.hidden_anchor.answers.label_loyalty),
        _two(compressed.text_anchor.answers.label_loyalty),
        f"{random_mean:.2f} ± {random_spread:.2f}",
        _two(trained.before.accuracy),
        _two(trained.after.accuracy),
    ]


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _mean(values: tuple[float | None, ...]) -> str:
    defined = [value for value in values if value is not None]
    return _two(float(np.mean(defined)) if defined else None)


def main(model: Annotated[str, typer.Option(help="'bundled', a Hugging Face name, or a folder.")] = "bundled") -> None:
    """Print the table."""
    loaded = load_model(ModelSettings(model, device="cpu"))
    print("| " + " | ".join(COLUMNS) + " |")
    print("| " + " | ".join("---" for _ in COLUMNS) + " |", flush=True)
    for name in sample_names():
        print("| " + " | ".join(row(Session(sample_path(name), loaded))) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
