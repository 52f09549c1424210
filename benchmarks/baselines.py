"""What a user might do instead of a repair: python -m benchmarks.baselines --data DIR --out FILE

The prompts, examples and queries of `benchmarks.calibrations`. Two rows: five demonstrations of each class (three of AG
News, as in the paper), and as many random prompts as there are calibrations, one demonstration of each class, drawn
from 8 labelled examples a class and compared on the rest of these. Every result is a line of FILE; those that are
there are not measured again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.calibrations import Draw, Gain, gain_of, interval, means, read_draw, spread
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.readout import IntArray, read_queries
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.sweeps.plan import read_plan

SHOTS = {"AGNews": 3}  # where it is not five
TRIED, PER_CLASS = 5, 8


def answers(model: InstrumentedModel, prompt: Prompt, texts: Sequence[Example]) -> IntArray:
    encoded = encode(prompt.with_queries(texts), *model.reader)
    return np.asarray(read_queries(model, encoded, model.encode_prefix(encoded.prefix), top=1).label_scores.argmax(1))


def more_shots(prompt: Prompt, shots: int, seed: int) -> Prompt:
    """The prompt's own demonstrations, and further ones from its examples."""
    shown = [*prompt.demonstrations, *(one for own in by_class(prompt) for one in own[: shots - 1])]
    random.Random(seed).shuffle(shown)
    return replace(prompt, demonstrations=tuple(shown))


def by_class(prompt: Prompt) -> list[list[Example]]:
    return [[one for one in prompt.examples if one.label == label] for label in range(len(prompt.labels))]


def best_random(model: InstrumentedModel, prompt: Prompt, seed: int) -> Prompt:
    """By balanced accuracy on the examples that it does not show."""
    generator = random.Random(seed)
    found = []
    for _ in range(TRIED):
        own = [generator.sample(examples[:PER_CLASS], PER_CLASS) for examples in by_class(prompt)]
        shown = [examples[0] for examples in own]
        generator.shuffle(shown)
        tried = replace(prompt, demonstrations=tuple(shown))
        held = [example for examples in own for example in examples[1:]]
        right = answers(model, tried, held) == [example.label for example in held]
        found.append((right.mean(), tried))
    return max(found, key=lambda pair: pair[0])[1]


def measured(model: InstrumentedModel, draw: Draw, shots: int, seed: int) -> Iterator[tuple[str, Gain]]:
    prompt, before = draw.prompt, draw.queries.argmax(1)
    for name, changed in (
        (f"{shots}-shot", more_shots(prompt, shots, seed)),
        (f"best of {TRIED} random prompts", best_random(model, prompt, seed)),
    ):
        yield name, gain_of(before, answers(model, changed, prompt.queries), prompt.queries)


def main(
    data: Annotated[Path, typer.Option(help="The folder that holds sst2, trec, agnews and emoc.")],
    out: Annotated[Path, typer.Option(help="A line of JSON for each result.")],
    model: Annotated[str, typer.Option(help="As in icldiag open.")] = "bundled",
    cache: Annotated[Path, typer.Option(help="Where `calibrations` keeps label scores.")] = Path("calibrations-cache"),
    draws: Annotated[str, typer.Option(help="Seeds of the demonstrations, examples and queries.")] = "42,43,44,45,46",
) -> None:
    """Measure what is missing, and print the table."""
    loaded = load_model(ModelSettings(name=model, device="cpu"))
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    seeds, tasks = (
        [int(seed) for seed in draws.split(",")],
        read_plan(Path(__file__).with_name("repairs.yaml"), data).tasks,
    )
    for seed in seeds:
        for task in tasks:
            if any((line["task"], line["seed"]) == (task.name, seed) for line in lines):
                continue
            draw = read_draw(loaded, task, seed, cache / Path(model).name)
            for name, gain in measured(loaded, draw, SHOTS.get(task.name, 5), seed):
                lines.append({"task": task.name, "seed": seed, "row": name.replace("3-shot", "5-shot"), **vars(gain)})
                with out.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    print(f"| | {' | '.join(task.name for task in tasks)} | mean | 95 % interval |\n| --- " + "| --- " * 6 + "|")
    for row in dict.fromkeys(line["row"] for line in lines):
        of = {(line["task"], line["seed"]): line for line in lines if line["row"] == row}
        gains = [
            [Gain(*(of[task.name, seed][key] for key in Gain.__annotations__)) for seed in seeds] for task in tasks
        ]
        columns = [[gain.accuracy for gain in own] for own in gains]
        told = interval([gain for own in gains for gain in own])
        print(f"| {row} | {' | '.join(map(spread, columns))} | {spread(means(columns))} | {told} |")


if __name__ == "__main__":
    typer.run(main)
