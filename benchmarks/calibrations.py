"""What calibrations gain on real data, by the number of labelled examples: python -m benchmarks.calibrations --data DIR

One demonstration of each class; 200 queries, whose labels the search is not told. Examples are cut in parts, and
calibrations
fitted, chosen and confirmed by icldiag's own search; no text but queries, examples and content-free ones is answered,
so the label scores of a draw are read once and kept in the cache folder. Prints Markdown tables.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import binomtest

from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import CONTENT_FREE, calibrated, calibration
from icldiag.analyses.lab import Lab
from icldiag.analyses.search.calibrations import fitted_calibrations, unfitted
from icldiag.analyses.search.search import Search
from icldiag.analyses.search.trials import Trials
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.load import load_model
from icldiag.model.readout import FloatArray, read_queries
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.sweeps.draw import draw_prompt
from icldiag.sweeps.plan import read_plan
from icldiag.sweeps.tasks import Task

PER_CLASS = (8, 16, 40)
FOLDS = 10  # of the ceiling
BEST, HOLDS, SURE = "best by the search", "best, if it holds", "best, if unlikely to be chance"
CEILING = "ceiling"


@dataclass(frozen=True)
class Gain:
    """On the queries of one draw, in points."""

    accuracy: float
    balanced: float  # mean over the classes
    variance: float  # of the first, over the queries


def gain_of(before: NDArray[np.int64], after: NDArray[np.int64], queries: Sequence[Example]) -> Gain:
    gold = np.array([query.label for query in queries])
    changed = 100.0 * ((after == gold).astype(int) - (before == gold))
    balanced = np.mean([changed[gold == label].mean() for label in np.unique(gold)])
    return Gain(float(changed.mean()), float(balanced), float(changed.var(ddof=1) / len(gold)))


@dataclass(frozen=True)
class Draw:
    """One prompt, and the label scores of its queries, of its examples and of content-free texts, (n, C) each."""

    prompt: Prompt
    queries: FloatArray
    examples: FloatArray
    content_free: FloatArray


def read_draw(model: InstrumentedModel, task: Task, seed: int, cache: Path) -> Draw:
    """From the cache, or answered now."""
    prompt, file = draw_prompt(task, seed, task.shots), cache / f"{task.name}-{seed}.npz"
    if not file.exists():
        asked = [prompt.queries, prompt.examples, [Example(text, None) for text in CONTENT_FREE]]
        encoded = encode(prompt.with_queries([text for group in asked for text in group]), *model.reader)
        scores = read_queries(model, encoded, model.encode_prefix(encoded.prefix), top=1).label_scores
        parts = np.split(scores, np.cumsum([len(group) for group in asked])[:-1])
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, prompt=prompt.hash, queries=parts[0], examples=parts[1], content_free=parts[2])
    kept = np.load(file)
    if str(kept["prompt"]) != prompt.hash:
        raise SystemExit(f"{file} is of another prompt; name another --cache")
    return Draw(prompt, kept["queries"], kept["examples"], kept["content_free"])


def searched(
    model: InstrumentedModel, prefix: Prefix, draw: Draw, per_class: int, seed: int, permuted: int | None = None
) -> Trials:
    """The calibrations of a draw's prompt, tried on so many examples of each class.

    Args:
        prefix: its demonstrations.
        permuted: examples then get each other's labels, by this seed, so that nothing can be learnt from them.
    """
    prompt = draw.prompt
    queries = tuple(replace(query, label=None) for query in prompt.queries)
    examples = [
        example
        for label in range(len(prompt.labels))
        for example in [one for one in prompt.examples if one.label == label][:per_class]
    ]
    scores = {example.texts: row for example, row in zip(prompt.examples, draw.examples, strict=True)}
    if permuted is not None:
        labels = [example.label for example in examples]
        random.Random(permuted).shuffle(labels)
        examples = [replace(example, label=label) for example, label in zip(examples, labels, strict=True)]
    given = replace(prompt, queries=queries, examples=tuple(examples))
    search = Search(Lab(model, encode(given, *model.reader), prefix), seed=seed)
    search.know(scores | {query.texts: row for query, row in zip(prompt.queries, draw.queries, strict=True)})
    trials = Trials(search, budget=99)
    contextual = calibration("contextual", draw.content_free)
    repair = replace(search.start, family="calibration", name="contextual calibration", calibration=contextual)
    trials.add([unfitted(search, repair, made_of_fitting=False)])
    trials.add(fitted_calibrations(search, search.start))
    trials.look()
    return trials


def gains_of(trials: Trials, queries: Sequence[Example]) -> dict[str, Gain]:
    """What each calibration, and the search's choice, gains on the queries."""
    found = {trial.repair.name: trial.predicted for trial in trials.trials}
    best = trials.before if trials.winner is None else trials.winner.predicted
    confirmed = trials.confirmed
    found[BEST] = best
    found[HOLDS] = best if confirmed is not None and confirmed.net > 0 else trials.before
    found[SURE] = best if confirmed is not None and confirmed.sure else trials.before
    return {name: gain_of(trials.before, predicted, queries) for name, predicted in found.items()}


def ceiling(draw: Draw) -> Gain:
    """A matrix fitted on all examples and nine tenths of the queries, on the last tenth."""
    gold = [query.label or 0 for query in draw.prompt.queries]
    known = [example.label or 0 for example in draw.prompt.examples]
    predicted = np.empty(len(gold), int)
    for fold in range(FOLDS):
        held = np.arange(len(gold)) % FOLDS == fold
        labels = known + [label for label, out in zip(gold, held, strict=True) if not out]
        by = fit_affine(np.concatenate([draw.examples, draw.queries[~held]]), labels, "matrix")
        predicted[held] = calibrated(draw.queries[held], by).argmax(1)
    return gain_of(draw.queries.argmax(1), predicted, draw.prompt.queries)


def right(predicted: NDArray[np.int64], queries: Sequence[Example]) -> tuple[float, float]:
    """The share of right answers, and its mean over the classes."""
    gold = np.array([query.label for query in queries])
    correct = predicted == gold
    return float(correct.mean()), float(np.mean([correct[gold == label].mean() for label in np.unique(gold)]))


def spread(values: Sequence[float], sign: str = "+") -> str:
    """Mean and deviation over the draws."""
    deviation = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.1f}{deviation}"


def interval(gains: Sequence[Gain]) -> str:
    """Of the mean over these prompts, 95 %, over their queries."""
    mean = np.mean([gain.accuracy for gain in gains])
    half = 1.96 * np.sqrt(np.sum([gain.variance for gain in gains])) / len(gains)
    return f"{mean - half:+.1f} to {mean + half:+.1f}"


def main(
    data: Annotated[Path, typer.Option(help="The folder that holds sst2, trec, agnews and emoc.")],
    model: Annotated[str, typer.Option(help="As in icldiag open.")] = "bundled",
    draws: Annotated[str, typer.Option(help="Seeds of the demonstrations, examples and queries.")] = "42,43,44,45,46",
    cache: Annotated[Path, typer.Option(help="Where label scores are kept.")] = Path("calibrations-cache"),
    permutations: Annotated[int, typer.Option(help="Searches whose examples have each other's labels.")] = 20,
) -> None:
    """Print the tables."""
    plan = read_plan(Path(__file__).with_name("repairs.yaml"), data)
    loaded = load_model(ModelSettings(name=model, device="cpu"))
    seeds = [int(seed) for seed in draws.split(",")]
    before: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
    gains: dict[tuple[str, int], dict[str, dict[int, Gain]]] = defaultdict(lambda: defaultdict(dict))
    confirmed: dict[int, list[Confirmation]] = defaultdict(list)
    seconds: dict[int, list[float]] = defaultdict(list)
    for task in plan.tasks:
        for seed in seeds:
            draw = read_draw(loaded, task, seed, cache / Path(model).name)
            prefix = loaded.encode_prefix(encode(draw.prompt, *loaded.reader).prefix)
            before[task.name][seed] = right(draw.queries.argmax(1), draw.prompt.queries)
            for per_class in PER_CLASS:
                begun = time.process_time()
                trials = searched(loaded, prefix, draw, per_class, seed)
                seconds[per_class].append(time.process_time() - begun)
                for name, gain in gains_of(trials, draw.prompt.queries).items():
                    gains[name, per_class][task.name][seed] = gain
                lucky = [searched(loaded, prefix, draw, per_class, seed, one) for one in range(permutations)]
                true = gains[BEST, per_class][task.name][seed].accuracy
                confirmed[per_class].append(Confirmation(is_sure(trials), true, sum(map(is_sure, lucky))))
            gains[CEILING, PER_CLASS[-1]][task.name][seed] = ceiling(draw)
    rows = sorted(gains.items(), key=lambda item: (item[0][0] == CEILING, item[0]))
    for which, field in enumerate(("accuracy", "balanced")):
        print(f"\n| gain, {field} | examples per class | {' | '.join(before)} | mean | 95 % interval |")
        print("| --- " * (len(before) + 4) + "|")
        columns = [[100 * of[seed][which] for seed in seeds] for of in before.values()]
        print(f"| before | | {' | '.join(spread(one, '') for one in columns)} | {spread(means(columns), '')} | |")
        for (name, per_class), by_task in rows:
            columns = [[getattr(of[seed], field) for seed in seeds] for of in by_task.values()]
            told = interval([of[seed] for of in by_task.values() for seed in seeds]) if field == "accuracy" else ""
            cells = " | ".join(spread(one) for one in columns)
            print(f"| {name} | {per_class} | {cells} | {spread(means(columns))} | {told} |")
    tell_confirmations(confirmed, permutations)
    for per_class, spent in seconds.items():
        told = f"{np.mean(spent):.2f} in the mean, {max(spent):.2f} at most"
        print(f"\nProcessor seconds from the answers to the search's best, {per_class} a class: {told}")
    for name in (BEST, HOLDS, SURE):
        worst = [
            min(of.accuracy for task in gains[name, count].values() for of in task.values()) for count in PER_CLASS
        ]
        print(f"\nWorst of all draws, {name}, with {PER_CLASS} a class: {', '.join(f'{gain:+.1f}' for gain in worst)}")


@dataclass(frozen=True)
class Confirmation:
    """Of one prompt."""

    sure: bool
    gain: float  # of the search's best, on the queries, in points
    lucky: int  # searches that confirmed a gain although labels and texts had nothing to do with each other


def is_sure(trials: Trials) -> bool:
    return trials.confirmed is not None and trials.confirmed.sure


def tell_confirmations(found: Mapping[int, Sequence[Confirmation]], permutations: int) -> None:
    """By the number of examples: what is confirmed, and whether it is true."""
    print("\n| examples per class | prompts whose best gains | of these confirmed | confirmed, no gain | by luck |")
    print("| --- " * 5 + "|")
    for per_class, prompts in found.items():
        gaining = [one for one in prompts if one.gain > 0]
        wrong = sum(one.sure for one in prompts) - sum(one.sure for one in gaining)
        true = f"{len(gaining)} of {len(prompts)} | {sum(one.sure for one in gaining)}"
        count, lucky = permutations * len(prompts), sum(one.lucky for one in prompts)
        low, high = binomtest(lucky, count).proportion_ci() if count else (0, 1)
        print(f"| {per_class} | {true} | {wrong} | {lucky} of {count}: {100 * low:.1f} to {100 * high:.1f} % |")


def means(columns: Sequence[Sequence[float]]) -> list[float]:
    """Of each draw, over the tasks."""
    return [float(np.mean(of)) for of in zip(*columns, strict=True)]


if __name__ == "__main__":
    typer.run(main)
