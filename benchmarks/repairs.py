"""How much does each repair gain on real data? python -m benchmarks.repairs --data DIR

DIR has a folder per task with `train.jsonl` and `test.jsonl` of {"text", "label"} rows. For every task and seed, one
demonstration of each class is drawn from `train`, 200 queries from `test`; 160 others of `train` are the examples.
Each calibration is measured as it is; of each family the candidate that is best on the selection part, where it gains
there, and otherwise none. The queries, which no repair was made from or chosen by, tell what is gained. Printed is the
accuracy before, and the change in points: mean and standard deviation over the seeds. With --rows, what was measured is
kept in a file and measured only once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from icldiag.analyses.repairs import Repairs
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import ModelSettings, load_model
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session

#: The paper's templates.
TASKS = {
    "sst2": "Review: {text}\nSentiment:{label}",
    "trec": "Question: {text}\nAnswer Type:{label}",
    "agnews": "Article: {text}\nAnswer:{label}",
    "emoc": "Dialogue: {text}\nEmotion:{label}",
}
FAMILIES = ("calibration", "re-weighting", "replace", "word", "order", "combination")  # one shot: none to drop
KINDS = ("contextual calibration", "domain-context calibration", "batch calibration")
QUERIES = 200
LONGEST = 80  # tokens of a text: four demonstrations and a query fit any model's window


def prompt_of(task: str, folder: Path, seed: int, tokenizer: Any, examples: int) -> Prompt:
    """One demonstration a class, in random order."""
    generator = random.Random(seed)
    train, test = (list(_rows(folder / task / f"{part}.jsonl", tokenizer)) for part in ("train", "test"))
    names = sorted({label for _, label in train})
    generator.shuffle(train)
    first = {label: place for place, (_, label) in reversed(list(enumerate(train)))}
    shown = list(first.values())
    generator.shuffle(shown)

    def labelled(rows: list[tuple[str, str]]) -> tuple[Example, ...]:
        return tuple(Example(text, names.index(label)) for text, label in rows)

    return Prompt(
        name=f"{task}-{seed}",
        template=TASKS[task],
        separator="\n",
        labels=tuple(Label(name, f" {name}") for name in names),
        demonstrations=labelled([train[place] for place in shown]),
        queries=labelled(generator.sample(test, QUERIES)),
        examples=labelled([row for place, row in enumerate(train) if place not in set(shown)][:examples]),
    )


def _rows(path: Path, tokenizer: Any) -> Iterator[tuple[str, str]]:
    rows = {row["text"]: row["label"] for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    lengths = tokenizer(list(rows))["input_ids"]
    yield from (row for row, ids in zip(rows.items(), lengths, strict=True) if len(ids) <= LONGEST)


def measure(task: str, folder: Path, seed: int, model: InstrumentedModel, budget: int, examples: int) -> dict[str, Any]:
    """The accuracy on the queries, and of every candidate what it changed on the selection part and on the queries."""
    session = Session(prompt_of(task, folder, seed, model.tokenizer, examples), model)
    repairs = session.repairs(budget=budget, seed=seed)
    return {
        "task": task,
        "seed": seed,
        "before": session.prediction().accuracy,
        "selected_on": len(repairs.selection),
        "confirmed": _confirmed(repairs, {query.text for query in session.prompt.queries}),
        "trials": [
            {
                "name": trial.repair.name,
                "family": trial.repair.family,
                "selection": trial.selection.net / trial.selection.count,
                "likelihood": trial.selection.likelihood_gain,
                "gain": trial.queries.net / trial.queries.count,
            }
            for trial in repairs.trials
        ],
    }


def _confirmed(repairs: Repairs, queries: set[str]) -> bool:
    """Whether the winner gains on the examples of the confirmation part: the queries are kept to measure on."""
    if repairs.confirmed is None:
        return False
    counted = [example.text not in queries for example in repairs.confirmation]
    mended, broken = (
        sum(counted[place] for place in places) for places in (repairs.confirmed.mended, repairs.confirmed.broken)
    )
    return mended > broken


def gains(row: dict[str, Any]) -> dict[str, float]:
    """Points gained on the queries by each kind of calibration, each family's best, and the best of all."""
    trials = row["trials"]  # ranked
    found = {name: trial["gain"] for name in KINDS for trial in trials if trial["name"] == name}
    for family in FAMILIES:
        best = next((trial for trial in trials if trial["family"] == family and trial["selection"] > 0), None)
        found[f"best {family}"] = best["gain"] if best else 0.0
    wins = trials[0]["selection"] > 0
    found["best of all"] = trials[0]["gain"] if wins else 0.0
    found["best of all, if confirmed"] = trials[0]["gain"] if wins and row["confirmed"] else 0.0
    found["what the selection part promised"] = max(trials[0]["selection"], 0.0)
    return found


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Points gained, task by task and over all."""
    by_task = {task: [row for row in rows if row["task"] == task] for task in TASKS}
    by_task = {task: mine for task, mine in by_task.items() if mine} | {"all": rows}
    yield "| repair | " + " | ".join(by_task) + " |"
    yield "| --- |" + " --- |" * len(by_task)
    yield "| prompts | " + " | ".join(str(len(mine)) for mine in by_task.values()) + " |"
    before = [_spread([row["before"] for row in mine]) for mine in by_task.values()]
    yield "| accuracy before | " + " | ".join(before) + " |"
    for name in gains(rows[0]):
        cells = [_spread([gains(row)[name] for row in mine], "+") for mine in by_task.values()]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _spread(shares: list[float], sign: str = "") -> str:
    """Mean and sample standard deviation in points."""
    if not shares:
        return "-"
    values = 100 * np.array(shares)
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{values.mean():{sign}.1f} ± {deviation:.1f}"


def main(
    data: Annotated[Path, typer.Option(help="The folder of the tasks.")],
    model: Annotated[str, typer.Option(help="'bundled', a Hugging Face name, or a folder.")] = "bundled",
    seeds: Annotated[int, typer.Option(min=1)] = 5,
    budget: Annotated[int, typer.Option(help="Candidates per prompt.", min=1)] = 14,
    examples: Annotated[int, typer.Option(help="Of `train`, at most.", min=1)] = 160,
    only: Annotated[str | None, typer.Option(help="One task.")] = None,
    rows: Annotated[Path | None, typer.Option(help="JSON lines: what is measured already, and is added to.")] = None,
) -> None:
    """Print the table."""
    loaded: InstrumentedModel | None = None
    found = [json.loads(line) for line in rows.read_text().splitlines()] if rows and rows.exists() else []
    for task in TASKS if only is None else (only,):
        for seed in range(seeds):
            if any((row["task"], row["seed"]) == (task, seed) for row in found):
                continue
            loaded = loaded or load_model(ModelSettings(model, device="cpu"))
            found.append(measure(task, data, seed, loaded, budget, examples))
            if rows:
                with rows.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found[-1]) + "\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    typer.run(main)
