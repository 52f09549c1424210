"""What demonstrations chosen for each query gain: python -m benchmarks.retrieval --data DIR --model smollm2 --cache DIR

The prompts, examples and queries of `benchmarks.calibrations`. Each query is shown, after the prompt's own
demonstrations, the examples nearest to it by BM25; a matrix is fitted on a few labelled examples of each class, which
are answered in the same way. Label scores are kept in the cache folder. Prints a Markdown table.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.baselines import by_class
from benchmarks.calibrations import Draw, Gain, gain_of, interval, means, read_draw, right, spread
from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import calibrated
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.readout import FloatArray, IntArray, read_queries
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from icldiag.prompt.retrieval import Retrieval
from icldiag.prompt.schema import Example
from icldiag.sweeps.plan import read_plan

SHOWN, PER_CLASS = 4, 8


@dataclass(frozen=True)
class Retrieved:
    """Label scores with examples chosen for each text, (n, C)."""

    queries: FloatArray
    fitting: FloatArray  # what a matrix is fitted on
    seconds: float  # of the processor, for all of them


def fitting_examples(draw: Draw) -> list[Example]:
    """The first few of each class."""
    return [example for own in by_class(draw.prompt) for example in own[:PER_CLASS]]


def read_retrieved(model: InstrumentedModel, draw: Draw, file: Path) -> Retrieved:
    """From the cache, or answered now."""
    shown = replace(draw.prompt, retrieval=Retrieval(SHOWN))
    if not file.exists():
        begun = time.process_time()
        encoded = encode(shown.with_queries([*shown.queries, *fitting_examples(draw)]), *model.reader)
        scores = read_queries(model, encoded, model.encode_prefix(encoded.prefix), top=1).label_scores
        queries, fitting = np.split(scores, [len(shown.queries)])
        np.savez(file, prompt=shown.hash, queries=queries, fitting=fitting, seconds=time.process_time() - begun)
    kept = np.load(file)
    if str(kept["prompt"]) != shown.hash:
        raise SystemExit(f"{file} is of another prompt; name another --cache")
    return Retrieved(kept["queries"], kept["fitting"], float(kept["seconds"]))


def answers(draw: Draw, retrieved: Retrieved) -> dict[str, IntArray]:
    """By what is done: (queries,) label indices."""
    fitting = fitting_examples(draw)
    labels = [example.label or 0 for example in fitting]
    place = {example.texts: number for number, example in enumerate(draw.prompt.examples)}
    own = draw.examples[[place[example.texts] for example in fitting]]

    def by_matrix(queries: FloatArray, known: FloatArray) -> IntArray:
        return np.asarray(calibrated(queries, fit_affine(known, labels, "matrix")).argmax(1))

    return {
        f"{SHOWN} nearest examples": np.asarray(retrieved.queries.argmax(1)),
        "matrix calibration": by_matrix(draw.queries, own),
        "both": by_matrix(retrieved.queries, retrieved.fitting),
    }


def main(
    data: Annotated[Path, typer.Option(help="The folder that holds sst2, trec, agnews and emoc.")],
    model: Annotated[str, typer.Option(help="As in icldiag open.")] = "bundled",
    cache: Annotated[Path, typer.Option(help="Where `calibrations` keeps label scores.")] = Path("calibrations-cache"),
    draws: Annotated[str, typer.Option(help="Seeds of the demonstrations, examples and queries.")] = "47,48,49",
    tasks: Annotated[str, typer.Option(help="Which of the four.")] = "TREC,SST-2",
) -> None:
    """Print the table."""
    plan = read_plan(Path(__file__).with_name("repairs.yaml"), data)
    wanted = {task.name: task for task in plan.tasks if task.name in tasks.split(",")}
    loaded = load_model(ModelSettings(name=model, device="cpu"))
    folder, seeds = cache / Path(model).name, [int(seed) for seed in draws.split(",")]
    before: dict[str, list[float]] = defaultdict(list)
    gains: dict[str, dict[str, list[Gain]]] = defaultdict(lambda: defaultdict(list))
    spent: list[float] = []
    for name, task in wanted.items():
        for seed in seeds:
            draw = read_draw(loaded, task, seed, folder)
            retrieved = read_retrieved(loaded, draw, folder / f"{name}-{seed}-retrieval.npz")
            plain, found = draw.queries.argmax(1), answers(draw, retrieved)
            before[name].append(100 * right(plain, draw.prompt.queries)[0])
            for row, predicted in found.items():
                gains[row][name].append(gain_of(plain, predicted, draw.prompt.queries))
            further = gain_of(found["matrix calibration"], found["both"], draw.prompt.queries)
            gains["both, against the matrix alone"][name].append(further)
            spent.append(retrieved.seconds / (len(retrieved.queries) + len(retrieved.fitting)))
    print(f"| | {' | '.join(wanted)} | mean | 95 % interval |\n" + "| --- " * (len(wanted) + 3) + "|")
    columns = list(before.values())
    print(f"| accuracy before | {' | '.join(spread(one, '') for one in columns)} | {spread(means(columns), '')} | |")
    for row, by_task in gains.items():
        columns = [[gain.accuracy for gain in of] for of in by_task.values()]
        told = interval([gain for of in by_task.values() for gain in of])
        print(f"| {row} | {' | '.join(map(spread, columns))} | {spread(means(columns))} | {told} |")
    print(f"\nProcessor seconds of a text with its nearest examples: {np.mean(spent):.2f}")


if __name__ == "__main__":
    typer.run(main)
