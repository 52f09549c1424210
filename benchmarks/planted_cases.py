"""Prompts with one planted cause of failure, from texts that ship with the project; every draw is seeded.

A case is a prompt that answers its first query right, and the same prompt with one thing done to it, which answers it
wrong:

    classes        another class is shown by texts of the query's own class, so that the two are near-identical
    demonstration  one demonstration of the query's class carries another label
    prior          another class gets demonstrations that say nothing ("...", "see above"): they only skew the prior
    order          the same demonstrations in another order

So that nothing but the planted cause can be to blame, the healthy prompt must answer the query right in most other
orders of its demonstrations too, and the wrong answer must be the class that the plant favours (in any order, for
`order`). These control orders are drawn apart from those that an explanation draws.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from icldiag.errors import PromptError
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.samples import sample_names, sample_path
from icldiag.session import Session
from training.grammar import Grammar

Kind = Literal["classes", "demonstration", "prior", "order"]
KINDS: tuple[Kind, ...] = ("classes", "demonstration", "prior", "order")

GRAMMARS = {"news": "news", "emotion": "dialogue"}  # by the sample with the same classes
QUERIES_PER_CLASS = 8
SHOTS = (2, 3)
CLASSES = (3, 4, 5)
SURPLUS = 8  # empty demonstrations that skew the prior
EMPTY = ("...", "-", "???", "(empty)", "no text", "none", "test", "x", "***", "see above", "tbd", "1", "unknown", "ok")
CONTROLS = 8  # other orders of the healthy prompt ...
SOUND = 0.75  # ... and the share of them that must answer right
LONGEST = 60  # words of a text


@dataclass(frozen=True)
class Source:
    """Texts by class, in the shape of a sample prompt."""

    shape: Prompt
    texts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Case:
    """`healthy` answers query 0 right, `planted` wrong. `culprit` is the mislabelled demonstration of its kind."""

    kind: Kind
    source: str
    healthy: Prompt
    planted: Prompt
    culprit: int | None = None


def sources() -> dict[str, Source]:
    """The samples' own texts, and for two of them texts of the grammars that the model was trained on."""
    found = {}
    for name in sample_names():
        prompt = read_prompt(sample_path(name))
        if len(prompt.labels) < min(CLASSES):
            continue
        pools: list[dict[str, None]] = [{} for _ in prompt.labels]
        for example in (*prompt.demonstrations, *prompt.queries, *prompt.examples):
            if example.label is not None and len(example.text.split()) <= LONGEST:
                pools[example.label][example.text] = None
        found[name] = Source(prompt, tuple(tuple(pool) for pool in pools))
    for name, grammar in GRAMMARS.items():
        texts = Grammar.read(Path(__file__).parent.parent / "training" / "grammars" / f"{grammar}.toml")
        shape = found[name].shape
        found[f"{grammar} grammar"] = Source(shape, tuple(texts.texts(label, 60, 0) for label in shape.label_names))
    return found


def draw_cases(kind: Kind, count: int, seed: int, model: InstrumentedModel) -> Iterator[Case]:
    """Draw prompts until `count` of them fail for the planted reason and did not before; at most one query of each."""
    rng = random.Random(f"{seed}/{kind}")
    pool = sources()
    while count:
        name = rng.choice(sorted(pool))
        healthy = _healthy(pool[name], rng)
        try:
            found = (
                _disordered(healthy, rng, model) if kind == "order" else _failing(kind, healthy, pool[name], rng, model)
            )
        except PromptError:  # longer than the context window
            continue
        if found is not None:
            planted, query, culprit = found
            yield Case(kind, name, _asking(healthy, query), _asking(planted, query), culprit)
            count -= 1


Found = tuple[Prompt, int, int | None]  # the planted prompt, the query that fails, the mislabelled demonstration


def _failing(kind: Kind, healthy: Prompt, source: Source, rng: random.Random, model: InstrumentedModel) -> Found | None:
    """Plant a cause, and look for a query of one class that now gets the label of the other."""
    gold, rival = rng.sample(range(len(healthy.labels)), 2)
    planted, culprit = _planted(kind, healthy, gold, rival, source, rng)
    places = [place for place, query in enumerate(healthy.queries) if query.label == gold]
    asked = [healthy.queries[place] for place in places]
    before, after = (_answers(prompt, asked, model) for prompt in (healthy, planted))
    failed = [place for place, old, new in zip(places, before, after, strict=True) if (old, new) == (gold, rival)]
    rng.shuffle(failed)
    for place in failed:
        controls = [_answers(order, [healthy.queries[place]], model)[0] for order in _orders(healthy, rng)]
        if controls.count(gold) >= SOUND * len(controls):
            return planted, place, culprit
    return None


def _disordered(healthy: Prompt, rng: random.Random, model: InstrumentedModel) -> Found | None:
    """Look for an order that answers a query wrong which the healthy order and most others answer right."""
    orders = _orders(healthy, rng)
    gold = [query.label for query in healthy.queries]
    right = [
        [answer == wanted for answer, wanted in zip(_answers(order, healthy.queries, model), gold, strict=True)]
        for order in (healthy, *orders)
    ]
    found = [
        (order, place)
        for place in range(len(gold))
        if right[0][place] and sum(row[place] for row in right[1:]) >= SOUND * len(orders)
        for order, row in zip(orders, right[1:], strict=True)
        if not row[place]
    ]
    return (*rng.choice(found), None) if found else None


def _answers(prompt: Prompt, queries: Sequence[Example], model: InstrumentedModel) -> list[int]:
    return [int(label) for label in Session(prompt.with_queries(queries), model).prediction().predicted]


def _orders(prompt: Prompt, rng: random.Random) -> list[Prompt]:
    shown = prompt.demonstrations
    return [replace(prompt, demonstrations=tuple(rng.sample(shown, len(shown)))) for _ in range(CONTROLS)]


def _asking(prompt: Prompt, query: int) -> Prompt:
    """The same prompt with this query first."""
    others = (example for index, example in enumerate(prompt.queries) if index != query)
    return prompt.with_queries((prompt.queries[query], *others))


def _healthy(source: Source, rng: random.Random) -> Prompt:
    """A balanced prompt in random order, and a batch of labelled queries."""
    shape = source.shape
    chosen = rng.sample(range(len(shape.labels)), min(len(shape.labels), rng.choice(CLASSES)))
    shots = rng.choice(SHOTS)
    demonstrations, queries = [], []
    for label, of in enumerate(chosen):
        texts = rng.sample(source.texts[of], shots + QUERIES_PER_CLASS)
        demonstrations += [Example(text, label) for text in texts[:shots]]
        queries += [Example(text, label) for text in texts[shots:]]
    rng.shuffle(demonstrations)
    rng.shuffle(queries)
    return replace(
        shape,
        name="planted",
        labels=tuple(Label(shape.labels[of].name, shape.labels[of].word) for of in chosen),
        demonstrations=tuple(demonstrations),
        queries=tuple(queries),
        examples=(),
        path=None,
    )


def _planted(
    kind: Kind, healthy: Prompt, gold: int, rival: int, source: Source, rng: random.Random
) -> tuple[Prompt, int | None]:
    shown = list(healthy.demonstrations)
    if kind == "classes":
        return _twins(healthy, gold, rival, source, rng), None
    if kind == "demonstration":
        culprit = rng.choice([index for index, example in enumerate(shown) if example.label == gold])
        shown[culprit] = replace(shown[culprit], label=rival)
        return replace(healthy, demonstrations=tuple(shown)), culprit
    for text in rng.sample(EMPTY, SURPLUS):
        shown.insert(rng.randrange(len(shown) + 1), Example(text, rival))
    return replace(healthy, demonstrations=tuple(shown)), None


def _twins(healthy: Prompt, gold: int, rival: int, source: Source, rng: random.Random) -> Prompt:
    """Every text of the class `rival` becomes a text of the class `gold`, in demonstrations and in queries."""
    places = [example for example in (*healthy.demonstrations, *healthy.queries) if example.label == rival]
    texts = iter(rng.sample(_unused(healthy, source, gold), len(places)))
    renewed = [
        tuple(Example(next(texts), rival) if example.label == rival else example for example in part)
        for part in (healthy.demonstrations, healthy.queries)
    ]
    return replace(healthy, demonstrations=renewed[0], queries=renewed[1])


def _unused(prompt: Prompt, source: Source, label: int) -> list[str]:
    used = {example.text for example in (*prompt.demonstrations, *prompt.queries)}
    names = source.shape.label_names
    return [text for text in source.texts[names.index(prompt.labels[label].name)] if text not in used]
