"""Makes the bundled model from folders of labelled texts: tokenizer, training, measurement, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import print as say
from tokenizers import Tokenizer

from training.corpus import training_data
from training.curriculum import phases_of
from training.evaluate import evaluate, table
from training.export import checkpoint_model, export
from training.tokenizer import train_tokenizer
from training.train import Settings, fresh, train

app = typer.Typer(add_completion=False, invoke_without_command=True, help=__doc__)
Data = Annotated[Path, typer.Option(help="Folder with a folder for each data set, each with its train.jsonl.")]
Seed = Annotated[int, typer.Option(help="Of everything: held-out classes, start, episodes, measurements.")]
Draws = Annotated[int, typer.Option(help="Prompts per line of the table, of 100 queries each.")]


@app.command()
def make(
    data: Data,
    out: Annotated[Path, typer.Option(help="The run's folder; if it has a checkpoint, the run goes on from it.")],
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(help="Processes of one thread each, one for each free core.")] = 1,
    steps: Annotated[str, typer.Option(help="Steps of each phase, with commas.")] = "",
    width: int = 160,
    heads: int = 5,
    layers: int = 8,
    draws: Draws = 10,
    until: Annotated[int | None, typer.Option(help="Stop at this step, to go on another time.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Where to export to; OUT/model by default.")] = None,
) -> None:
    """Everything, in one go. Stopped and started again, it continues to the same weights."""
    datasets = training_data(data, seed)
    out.mkdir(parents=True, exist_ok=True)
    if not (kept := out / "tokenizer.json").exists():
        train_tokenizer(datasets).save(str(kept))
    tokenizer = Tokenizer.from_file(str(kept))
    phases = phases_of(steps)
    settings = Settings(out, seed, workers, width, heads, layers, until=until, phases=phases)
    train(settings, tokenizer, datasets)
    model = fresh(settings, tokenizer, datasets)
    step = checkpoint_model(settings.checkpoint, model)
    target = bundle or out / "model"
    export(model, tokenizer, target)
    say(f"step {step} of {settings.steps} exported to {target}")
    say(table(evaluate(target, data, seed, range(draws))))


@app.command()
def measure(
    model: Annotated[Path, typer.Argument(help="An exported folder.")],
    data: Data,
    seed: Seed = 0,
    draws: Draws = 10,
    first: Annotated[int, typer.Option(help="Number of the first draw: 10 leaves out those that `make` shows.")] = 0,
) -> None:
    """Only the table of accuracies, for any exported folder."""
    say(table(evaluate(model, data, seed, range(first, first + draws))))
