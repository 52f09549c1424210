"""How much faster than re-encoding: python -m benchmarks.speed [--bundled]

One process, the two sides in turn, medians. The reference works as the paper's code does: every prompt encoded whole,
one by one, eager attention. The model is a random GPT-2 of 12 layers x 768 (or the bundled one); the prompt is like
TREC's: 6 demonstrations of about 12 tokens each, 200 queries.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers

from icldiag.analyses.isolation import Cut, isolate, prefix_edits, sweep
from icldiag.analyses.reweighting import TrainingSettings, reweight
from icldiag.model.attention import Edit
from icldiag.model.forward import InstrumentedModel, batch_of
from icldiag.model.load import BUNDLED_PATH, ModelSettings, load_model
from icldiag.model.readout import read_queries
from icldiag.prompt.encode import EncodedPrompt, encode
from icldiag.prompt.schema import Example, Label, Prompt

ROUNDS = 3
QUERIES = 200
REFERENCE_QUERIES = 25  # the reference is timed on these and scaled: it does the same for each query


def make_prompt() -> Prompt:
    """Six classes, one demonstration each, and queries of random words."""
    rng = random.Random(0)
    words = [
        "what",
        "who",
        "where",
        "when",
        "how",
        "many",
        "is",
        "the",
        "of",
        "in",
        "a",
        "river",
        "city",
        "name",
        "war",
        "first",
        "made",
        "animal",
        "color",
        "long",
    ]
    names = ("Abbreviation", "Entity", "Description", "Person", "Location", "Number")

    def text() -> str:
        return " ".join(rng.choice(words) for _ in range(9)) + " ?"

    return Prompt(
        name="benchmark",
        template="Question: {text}\nAnswer Type:{label}",
        separator="\n",
        labels=tuple(Label(name, f" {name}") for name in names),
        demonstrations=tuple(Example(text(), label) for label in range(6)),
        queries=tuple(Example(text(), index % 6) for index in range(QUERIES)),
        examples=tuple(Example(text(), index % 6) for index in range(24)),
    )


def make_model(bundled: bool) -> InstrumentedModel:
    if bundled:
        return load_model(ModelSettings(device="cpu"))
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(BUNDLED_PATH)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_positions=1024, attn_implementation="sdpa"))
    return InstrumentedModel(model, tokenizer, "random GPT-2, 12 layers x 768")


def alternate(ours: Callable[[], Any], reference: Callable[[], Any], scale: float) -> tuple[float, float, float]:
    """Median seconds of both and the median ratio; `scale` multiplies the reference's time."""
    times: list[tuple[float, float]] = []
    for round_ in range(ROUNDS + 1):
        begun = time.perf_counter()
        ours()
        between = time.perf_counter()
        reference()
        if round_:  # the first warms up
            times.append((between - begun, (time.perf_counter() - between) * scale))
    mine, theirs = zip(*times, strict=True)
    return statistics.median(mine), statistics.median(theirs), statistics.median(b / a for a, b in times)


def reference_logits(model: InstrumentedModel, encoded: EncodedPrompt, count: int, cut: Cut | None = None) -> None:
    """Whole prompts one by one; a cut is the same edit in the whole prompt's pass."""
    edits: dict[int, Edit] = dict(prefix_edits(encoded, cut)) if cut else {}
    for query in encoded.queries[:count]:
        ids = [*encoded.prefix, *query.ids]
        if edits:
            model.run(batch_of([ids], 0), edits=edits)
        else:
            model.model(input_ids=torch.tensor([ids]), output_attentions=True)


def reference_step(model: InstrumentedModel, encoded: EncodedPrompt, beta: torch.Tensor) -> None:
    """One training step that encodes the whole prompt, with gradients through everything behind it."""
    from icldiag.analyses.reweighting import beta_edits
    from icldiag.model.forward import on_rows

    ids = [*encoded.prefix, *encoded.queries[0].ids]
    run = model.run(batch_of([ids], 0), edits=on_rows(beta_edits(encoded, beta), [len(ids) - 1], model))
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    loss = torch.nn.functional.cross_entropy(run.logits[0, -1:, firsts], torch.tensor([0]))
    loss.backward()  # type: ignore[no-untyped-call]


def main() -> None:
    model = make_model("--bundled" in sys.argv)
    encoded = encode(make_prompt(), model.tokenizer, model.context_window)
    length = float(np.mean([len(query.ids) for query in encoded.queries]))
    print(f"{model.name}: {len(encoded.prefix)} tokens of demonstrations, {length:.0f} a query, {QUERIES} queries\n")
    print("| work | icldiag, s | reference, s | ratio |\n| --- | --- | --- | --- |")
    prefix = model.encode_prefix(encoded.prefix)
    before = read_queries(model, encoded, prefix)
    scale = QUERIES / REFERENCE_QUERIES

    def predictions() -> None:
        read_queries(model, encoded, model.encode_prefix(encoded.prefix))

    @torch.no_grad()
    def reference_predictions() -> None:
        with model.plain() as plain:
            plain.set_attn_implementation("eager")
            reference_logits(model, encoded, REFERENCE_QUERIES)
            plain.set_attn_implementation("sdpa")

    report("predictions of 200 queries", alternate(predictions, reference_predictions, scale))

    @torch.no_grad()
    def reference_sweep() -> None:
        reference_logits(model, encoded, REFERENCE_QUERIES, Cut.of("text_to_label", range(model.n_layers // 2)))

    settings = 2 * model.n_layers - 1
    report(
        "isolation, all first-n and last-n",
        alternate(lambda: sweep(model, encoded, prefix, before), reference_sweep, scale * settings),
    )
    cut = Cut.of("text_to_label", [0])
    report(
        "isolation, one cut", alternate(lambda: isolate(model, encoded, prefix, before, cut), reference_sweep, scale)
    )

    beta = torch.zeros(model.n_layers, model.n_heads, 6, requires_grad=True)
    training = TrainingSettings(epochs=10)

    def reference_steps() -> None:
        for _ in range(8):
            reference_step(model, encoded, beta)

    steps = 10 * 24
    report(
        "re-weighting, 10 epochs of 4 per class",
        alternate(
            lambda: reweight(model, encoded, prefix, before, training),
            reference_steps,
            steps / 8,
        ),
    )


def report(name: str, measured: tuple[float, float, float]) -> None:
    print(f"| {name} | {measured[0]:.2f} | {measured[1]:.2f} | {measured[2]:.1f}x |", flush=True)


if __name__ == "__main__":
    main()
