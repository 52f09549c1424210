"""What is measured: each work in icldiag's way and in the reference's, on the same model and prompt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
import transformers

from benchmarks.reference import Reference
from icldiag.analyses.circuits.compute import ASKED, ESTIMATED, MEASURED, TOGETHER
from icldiag.analyses.circuits.sides import LookAtHeads
from icldiag.analyses.contrast import ReadContrast
from icldiag.analyses.extraction.compute import score_extraction
from icldiag.analyses.isolation.compute import sweep
from icldiag.analyses.overview.stability import ORDERS
from icldiag.analyses.prediction.compute import predict
from icldiag.analyses.reweighting.training import TrainingSettings, train_beta
from icldiag.analyses.saliency.compute import flow_of_query
from icldiag.model.direct import direct_parts
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.padding import batch_of
from icldiag.model.readout import read_queries, silent
from icldiag.model.settings import BUNDLED_PATH, ModelSettings
from icldiag.prompt.edit import swap
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session

Shape = Literal["random", "bundled", "gpt2-xl", "gpt-j", "smollm2"]
Length = Literal["short", "long"]

QUERIES = 200
QUERIES_OF_DEMONSTRATIONS = 24
EPOCHS, PER_CLASS = 10, 4
CLASSES = ("Abbreviation", "Entity", "Description", "Person", "Location", "Number")
WORDS = "what who where when how many is the of in a river city name war first made animal color long"
#: Words a demonstration's text has: TREC's length, or 2,000 tokens in all.
TEXT_WORDS = {"short": 9, "long": 325}


@dataclass(frozen=True)
class Work:
    """One row of the table. The reference does `1 / scale` of the work, and its time is multiplied."""

    name: str
    ours: Callable[[], Any]
    reference: Callable[[], Any]
    scale: float = 1.0
    ready: Callable[[], Any] = lambda: None  # what both sides take for given


def make_prompt(length: Length) -> Prompt:
    """Six classes, one demonstration each, and queries of random words."""
    rng = random.Random(0)
    words = WORDS.split()

    def text(count: int) -> str:
        return " ".join(rng.choice(words) for _ in range(count)) + " ?"

    return Prompt(
        name=f"benchmark-{length}",
        template="Question: {text}\nAnswer Type:{label}",
        separator="\n",
        labels=tuple(Label(name, f" {name}") for name in CLASSES),
        demonstrations=tuple(Example(text(TEXT_WORDS[length]), label) for label in range(6)),
        queries=tuple(Example(text(9), index % 6) for index in range(QUERIES)),
        examples=tuple(Example(text(9), index % 6) for index in range(PER_CLASS * 6)),
    )


_ROOM = 2304  # positions, for the long prompt
_SHAPES: dict[str, Callable[[], Any]] = {
    "random": lambda: transformers.GPT2Config(n_positions=_ROOM),
    "gpt2-xl": lambda: transformers.GPT2Config(n_positions=_ROOM, n_layer=48, n_embd=1600, n_head=25),
    "gpt-j": lambda: transformers.GPTJConfig(n_positions=_ROOM),
    "smollm2": lambda: transformers.LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=_ROOM,
        tie_word_embeddings=True,
    ),
}


def make_model(shape: Shape, device: str = "cpu", dtype: torch.dtype = torch.float32) -> InstrumentedModel:
    """A model of this shape at random ("random": GPT-2's 12 layers x 768), or the bundled one."""
    if shape == "bundled":
        return load_model(ModelSettings(device=device, dtype=str(dtype).removeprefix("torch.")))
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(BUNDLED_PATH)
    config = _SHAPES[shape]()
    config.initializer_range = 0.05
    with torch.device(device):  # the large ones fit there alone
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype)
    return InstrumentedModel(model, tokenizer, f"{shape}, random weights")


def make_works(model: InstrumentedModel, encoded: EncodedPrompt, length: Length) -> list[Work]:
    """All rows. The random model gives random answers, which take as long as good ones."""
    reference = Reference(model, encoded)
    prefix = model.encode_prefix(encoded.prefix)
    before = cache(lambda: read_queries(model, encoded, prefix))  # made before the clock starts, where it is needed
    count = {"short": 20, "long": 2}[length]  # queries the reference is timed on: it does the same for each
    steps = {"short": 8, "long": 1}[length]
    settings = 2 * model.n_layers - 1
    beta = torch.zeros(model.n_layers, model.n_heads, len(encoded.anchors), device=model.device, requires_grad=True)
    label = int(encoded.prompt.queries[0].label or 0)
    pair = encoded.label_tokens[label][0], encoded.label_tokens[(label + 1) % len(CLASSES)][0]
    session = Session(encoded.prompt, model)
    training = TrainingSettings(PER_CLASS, EPOCHS)
    whole = TrainingSettings(PER_CLASS, EPOCHS, batch_size=0)
    plain_ids = torch.tensor([[*encoded.prefix, *encoded.queries[0].ids]], device=model.device)
    batch = batch_of([plain_ids[0].tolist()], 0, model.device)

    def reference_steps() -> None:
        for step in range(steps):
            reference.training_step(beta, step, label)

    def train(settings: TrainingSettings) -> None:
        train_beta(model, encoded, model.encode_prefix(encoded.prefix), encoded.prompt.examples, settings)

    def extraction() -> None:
        found = read_queries(model, encoded, model.encode_prefix(encoded.prefix), with_target=True)
        assert found.target is not None
        score_extraction(predict(encoded, found, model.tokenizer), found.target.attention, found.target.destinations)

    def direct() -> None:
        own = batch_of([encoded.queries[0].ids], len(prefix.ids), model.device)
        direct_parts(model, own, pair, context=prefix.key_values)

    one = encoded.prompt.with_queries(encoded.prompt.queries[:1])
    sites = 16  # six classes' label words and texts; first token, template, query, target
    cells = sites * model.n_layers * 2  # both ways
    patched = list(range(*encoded.demonstrations[3].label))
    hidden = torch.zeros(len(patched), prefix.inputs[0].shape[-1], device=model.device)

    def patching() -> None:
        found = Session(one, model).patching(0, swap(one, 0, 5), cells=None)
        assert found.done == cells // 2

    def reference_cells() -> None:
        for _ in range(count):
            reference.patched(0, model.n_layers // 2, patched, hidden)

    def one_query_of_heads() -> None:
        """As it is, and each head's output at the target replaced by 0 and by its mean: a pass each."""
        target = [len(encoded.prefix) + len(encoded.queries[0].ids) - 1]
        reference.direct(0, pair)
        for _ in range(2 * MEASURED):
            reference.patched(0, model.n_layers // 2, target, hidden[:1])

    few = encoded.prompt.with_queries(encoded.prompt.queries[:QUERIES_OF_DEMONSTRATIONS])
    shown, generator = list(few.demonstrations), random.Random(0)

    def without() -> tuple[int, ...]:
        """A prompt of one of the sets, all of them alike."""
        places = [place for place in range(len(shown)) if generator.random() < 0.5]
        changed = replace(few, demonstrations=tuple(shown[place] for place in places), queries=few.queries[:1])
        own = encode(changed, model.tokenizer, model.context_window)
        return (*own.prefix, *own.queries[0].ids)

    sampled = [without() for _ in range(count)]
    sets = 2 ** len(shown) + ORDERS  # and the orders of the overview's sample
    asked = encoded.prompt.with_queries(encoded.prompt.queries[:ASKED])
    cuts = 1 + MEASURED + 2 * len(TOGETHER)

    @torch.no_grad()
    def plain() -> None:
        with model.plain() as fused:
            fused(input_ids=plain_ids, use_cache=False, logits_to_keep=1)

    @torch.no_grad()
    def instrumented() -> None:
        model.run(batch)

    return [
        Work(
            f"predictions of {QUERIES} queries",
            lambda: read_queries(model, encoded, model.encode_prefix(encoded.prefix)),
            lambda: reference.predictions(count),
            QUERIES / count,
        ),
        Work(
            f"isolation sweep, first n and last n of all layers, {QUERIES} queries",
            lambda: sweep(model, encoded, prefix, before()),
            lambda: reference.isolated(range(model.n_layers // 2), count),
            QUERIES / count * settings,
            before,
        ),
        Work(
            f"re-weighting, {EPOCHS} epochs of {PER_CLASS} per class",
            lambda: train(training),
            reference_steps,
            EPOCHS * PER_CLASS * 6 / steps,
        ),
        Work(
            "the same, all examples in one step",
            lambda: train(whole),
            reference_steps,
            EPOCHS * PER_CLASS * 6 / steps,
        ),
        Work(
            "saliency of one query",
            lambda: flow_of_query(model, encoded, 0, label, recompute=False),
            lambda: reference.saliency(0, label),
        ),
        Work(
            "saliency, activations recomputed",
            lambda: flow_of_query(model, encoded, 0, label, recompute=True),
            lambda: reference.saliency(0, label),
        ),
        Work("direct shares of one lead", direct, lambda: reference.direct(0, pair)),
        Work(
            f"predictions and direct shares, {len(few.queries)} queries",
            lambda: Session(few, model).shares(None),
            lambda: reference.direct(0, pair),
            len(few.queries),
        ),
        Work(
            "contrast of one query, gradient x input and signed flow",
            lambda: ReadContrast(0).compute(session, silent, None),
            lambda: reference.saliency(0, label),
            ready=session.prediction,
        ),
        Work(
            f"predictions and extraction, {QUERIES} queries",
            extraction,
            lambda: reference.extraction(count),
            QUERIES / count,
        ),
        Work("patching, every place in every layer, one query", patching, reference_cells, cells / count),
        Work(
            f"demonstrations, {2 ** len(shown)} sets and the overview's {ORDERS} orders, {len(few.queries)} queries",
            lambda: Session(few, model).demonstrations(),
            lambda: reference.changed(sampled),
            sets * len(few.queries) / count,
        ),
        Work(
            f"anchor heads, {cuts} cuts, {len(asked.queries)} queries",
            lambda: Session(asked, model).heads(),
            lambda: reference.isolated((model.n_layers // 2,), count),
            cuts * len(asked.queries) / count,
        ),
        Work(
            f"heads from all sides, {MEASURED} heads, {ESTIMATED} queries",
            lambda: LookAtHeads().compute(session, silent, None),
            one_query_of_heads,
            ESTIMATED,
            session.heads,
        ),
        Work("forward with nothing asked, against the plain fused one", instrumented, plain),
    ]


def prepared(
    shape: Shape, length: Length, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[EncodedPrompt, list[Work]]:
    """The model on its prompt, ready to be measured."""
    model = make_model(shape, device, dtype)
    encoded = encode(make_prompt(length), model.tokenizer, model.context_window)
    return encoded, make_works(model, encoded, length)
