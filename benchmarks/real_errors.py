"""How many real wrong answers get a confirmed cause? python -m benchmarks.real_errors --data FOLDER --model smollm2

One-shot prompts of the paper's four tasks, drawn by seed, on texts of at most 14 words; the wrong answers of 16 queries
that are explained are drawn too, so that not only the most confident ones count. Prints a line for each and the shares
with their Wilson intervals: answers with any confirmed cause, and those where a second test supports the first.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.planted import wilson
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session

TASKS = {
    "sst2": ("Review: {text}\nSentiment:{label}", ("Negative", "Positive")),
    "trec": (
        "Question: {text}\nAnswer Type:{label}",
        ("Abbreviation", "Entity", "Description", "Person", "Location", "Number"),
    ),
    "agnews": ("Article: {text}\nAnswer:{label}", ("World", "Sports", "Business", "Technology")),
    "emoc": ("Dialogue: {text}\nEmotion:{label}", ("Others", "Happy", "Sad", "Angry")),
}
QUERIES = 16
LONGEST = 14  # words; news are never so short
LONGEST_NEWS = 30


def draw(data: Path, task: str, seed: int) -> Prompt:
    """One demonstration of each class in random order, and queries."""
    template, names = TASKS[task]
    rng = random.Random(f"{seed}/{task}")
    longest = LONGEST_NEWS if task == "agnews" else LONGEST
    pools = []
    for part in ("train", "test"):
        lines = (data / task / f"{part}.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        pools.append([row for row in rows if len(row["text"].split()) <= longest])
    shown = [
        Example(rng.choice([row["text"] for row in pools[0] if row["label"] == name]), label)
        for label, name in enumerate(names)
    ]
    rng.shuffle(shown)
    queries = [Example(row["text"], names.index(row["label"])) for row in rng.sample(pools[1], QUERIES)]
    labels = tuple(Label(name, f" {name}") for name in names)
    return Prompt(task, template, "\n", labels, tuple(shown), tuple(queries))


def main(
    data: Annotated[Path, typer.Option(help="Folder of task folders with train.jsonl and test.jsonl.")],
    model: Annotated[str, typer.Option(help="As in icldiag --model.")] = "smollm2",
    seeds: Annotated[int, typer.Option(help="Draws of each task, from seed 0 on.")] = 3,
    answers: Annotated[int, typer.Option(help="Wrong answers of each draw.")] = 2,
) -> None:
    """Print a line for each answer, then the shares."""
    loaded = load_model(ModelSettings(name=model, device="cpu"))
    named = supported = total = 0
    for seed in range(seeds):
        for task in TASKS:
            session = Session(draw(data, task, seed), loaded)
            wrong = session.prediction().wrong
            for query in random.Random(seed).sample(wrong, min(answers, len(wrong))):
                causes = session.explanation(query).causes
                total += 1
                named += bool(causes)
                supported += bool(causes) and causes[0].supported
                kinds = ", ".join(cause.kind + ("" if cause.supported else "?") for cause in causes) or "nothing"
                print(f"{task} {seed} {query + 1}: {kinds}", flush=True)
    for name, count in (("confirmed", named), ("supported", supported)):
        low, high = wilson(count, total)
        print(f"{name}: {count} of {total} ({low:.0%} to {high:.0%})")


if __name__ == "__main__":
    typer.run(main)
