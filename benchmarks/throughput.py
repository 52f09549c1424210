"""Label scores a second, beside lm-evaluation-harness on the same model: python -m benchmarks.throughput --data DIR

TREC questions after one demonstration of each of six labels, labels scored whole, as the harness scores them. Both have
the same weights in memory, loaded once; the harness gets the same texts as loglikelihood requests, one for each label,
and runs transformers' own attention (pip install 'lm-eval[hf]'). Rounds take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer

from icldiag.classifier.scorer import LabelScorer
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.readout import FloatArray
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from icldiag.sweeps.draw import draw_prompt
from icldiag.sweeps.plan import read_plan


def ours(model: InstrumentedModel, prompt: Prompt) -> FloatArray:
    """(n, C); the demonstrations are encoded in it."""
    return LabelScorer(Session(prompt, model)).scores(prompt.queries)


def harness(model: InstrumentedModel, prompt: Prompt, batch: int) -> FloatArray:
    """(n, C) by lm-evaluation-harness."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    asked = [(prompt.written(query), label.word) for query in prompt.queries for label in prompt.labels]
    requests = [Instance("loglikelihood", {}, arguments, place) for place, arguments in enumerate(asked)]
    with model.plain() as plain:
        own = HFLM(pretrained=plain, tokenizer=model.tokenizer, batch_size=batch)
        found = own.loglikelihood(requests, disable_tqdm=True)
    return np.array([score for score, _ in found]).reshape(len(prompt.queries), len(prompt.labels))


def timed(work: Callable[[], FloatArray]) -> tuple[FloatArray, float, float]:
    """With seconds of the processor and of the clock."""
    spent, begun = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - spent, time.perf_counter() - begun


def main(
    data: Annotated[Path, typer.Option(help="The folder that holds sst2, trec, agnews and emoc.")],
    model: Annotated[str, typer.Option(help="As in icldiag open.")] = "bundled",
    queries: Annotated[int, typer.Option(help="How many.")] = 60,
    batch: Annotated[int, typer.Option(help="The harness's.")] = 16,
    rounds: Annotated[int, typer.Option(help="Of each, in turn.")] = 3,
) -> None:
    """Print a table."""
    loaded = load_model(ModelSettings(name=model, device="cpu"))
    task = next(one for one in read_plan(Path(__file__).with_name("repairs.yaml"), data).tasks if one.name == "TREC")
    drawn = draw_prompt(task, 42, task.shots)
    prompt = replace(drawn, scoring="whole", queries=drawn.queries[:queries])
    ways = {"icldiag": lambda: ours(loaded, prompt), "lm-evaluation-harness": lambda: harness(loaded, prompt, batch)}
    scores: dict[str, FloatArray] = {}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            scores[name], *spent = timed(way)
            seconds[name].append((spent[0], spent[1]))
    gold = [query.label for query in prompt.queries]
    print("| | right | processor s | clock s | queries per processor s |\n| --- | --- | --- | --- | --- |")
    for name, found in scores.items():
        cpu, clock = (median(one[which] for one in seconds[name]) for which in (0, 1))
        right = int((found.argmax(1) == gold).sum())
        print(f"| {name} | {right} of {len(gold)} | {cpu:.1f} | {clock:.1f} | {len(gold) / cpu:.1f} |")
    one, other = scores.values()
    print(f"\nSame answers: {(one.argmax(1) == other.argmax(1)).sum()} of {len(gold)}; ", end="")
    print(f"log-probabilities differ by at most {abs(one - other).max():.1g}.")


if __name__ == "__main__":
    typer.run(main)
