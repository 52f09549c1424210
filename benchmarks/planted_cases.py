"""Prompts with one planted cause of failure, from texts that ship with the project; every draw is seeded.

A case is a prompt that answers its first query right, and the same prompt with one thing done to it (`plants`), or two,
which answers it wrong. So that nothing but the planted cause can be to blame, the healthy prompt must answer the query
right in most other orders of its demonstrations, the planted one must answer it wrong in most (of those that keep the
class last that recency put there), and the wrong answer must be the class that the plant favours, where it favours one.
These control orders are drawn apart from those that an explanation draws. Of two causes each must carry a quarter of
what both do to the lead, by Shapley's division.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.plants import PAIRED, Kind, Plant, Source
from icldiag.analyses.lab import Lab, Question
from icldiag.errors import PromptError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.readout import FloatArray
from icldiag.prompt.encode import encode
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.samples import sample_names, sample_path
from training.grammar import Grammar

GRAMMARS = {"news": "news", "emotion": "dialogue"}  # by the sample with the same classes
QUERIES_PER_CLASS = 6
SHOTS = (2, 3)
CLASSES = (2, 3, 4)
CONTROLS = 4  # other orders of the healthy prompt, and of the planted one ...
SOUND = 0.75  # ... and the share of them that must answer right, and wrong
LONGEST = 20  # words of a text
EACH = 0.25  # of what two causes do together that each must carry


@dataclass(frozen=True)
class Case:
    """`healthy` answers query 0 right, `planted` wrong. `culprit` is the mislabelled demonstration, where one is."""

    kind: Kind
    causes: tuple[Kind, ...]
    source: str
    healthy: Prompt
    planted: Prompt
    culprit: int | None = None


def sources(longest: int) -> dict[str, Source]:
    """The samples' own texts, and for two of them texts of the grammars that the model was trained on."""
    found = {}
    for name in sample_names():
        prompt = read_prompt(sample_path(name))
        pools: list[dict[str, None]] = [{} for _ in prompt.labels]
        for example in (*prompt.demonstrations, *prompt.queries, *prompt.examples):
            if example.label is not None and len(example.text.split()) <= longest:
                pools[example.label][example.text] = None
        found[name] = Source(prompt, tuple(tuple(pool) for pool in pools))
    for name, grammar in GRAMMARS.items():
        grammars = Grammar.read(Path(__file__).parent.parent / "training" / "grammars" / f"{grammar}.toml")
        shape = found[name].shape
        drawn = (grammars.texts(label, 60, 0) for label in shape.label_names)
        short = (tuple(text for text in texts if len(text.split()) <= longest) for texts in drawn)
        found[f"{grammar} grammar"] = Source(shape, tuple(short))
    return found


def draw_cases(kind: Kind, count: int, seed: int, model: InstrumentedModel, longest: int = LONGEST) -> Iterator[Case]:
    """Draw prompts until `count` of them fail for the planted reason and did not before; at most one query of each."""
    rng = random.Random(f"{seed}/{kind}")
    pool = sources(longest)
    while count:
        name = rng.choice(sorted(pool))
        try:
            healthy = _healthy(kind, pool[name], rng)
            draw = _disordered if kind == "order" else _failing
            case = draw(kind, name, healthy, pool[name], rng, model)
            if case is not None:
                encode(case.planted, *model.reader)  # with all its queries
        except (PromptError, ValueError):  # longer than the context window, words that tokenize alike; too few texts
            continue
        if case is not None:
            yield case
            count -= 1


def _failing(
    kind: Kind, name: str, healthy: Prompt, source: Source, rng: random.Random, model: InstrumentedModel
) -> Case | None:
    """Plant a cause, and look for a query of one class that now gets the label of the other."""
    gold, rival = rng.sample(range(len(healthy.labels)), 2)
    plant = Plant(gold, rival, source, rng)
    causes: tuple[Kind, ...] = (kind,) if kind != "two" else tuple(rng.sample(PAIRED, 2))
    if kind == "two":
        causes = tuple(sorted(causes, key=PAIRED.index))  # what is relabelled first is moved and outnumbered then
    planted = healthy
    for cause in causes:
        planted = plant.planted(cause, planted)
    culprit = _culprit(healthy, planted) if "demonstration" in causes else None
    places = [place for place, query in enumerate(healthy.queries) if query.label == gold]
    asked = [healthy.queries[place] for place in places]
    favoured = [label for label in range(len(healthy.labels)) if label != gold]
    if not set(causes) <= {"word", "name", "template"}:
        favoured = [rival]
    (after,) = _scores([(planted, asked)], healthy, model)  # most draws fail nothing: the healthy prompt is not asked
    if not np.isin(after.argmax(1), favoured).any():
        return None
    (before,) = _scores([(healthy, asked)], healthy, model)
    failed = [
        place
        for place, old, new in zip(places, before.argmax(1), after.argmax(1), strict=True)
        if old == gold and new in favoured
    ]
    if not failed:
        return None
    place = rng.choice(failed)
    query = healthy.queries[place]
    sound = _orders(healthy, rng)
    failing = _orders(planted, rng, last=rival if "recency" in causes else None)
    answers = [
        scores[0].argmax() for scores in _scores([(order, [query]) for order in sound + failing], healthy, model)
    ]
    right = [answer == gold for answer in answers]
    if np.mean(right[: len(sound)]) < SOUND or np.mean(right[len(sound) :]) > 1 - SOUND:
        return None
    case = Case(kind, causes, name, _asking(healthy, place), _asking(planted, place), culprit)
    if kind == "two":
        row = places.index(place)
        answer = int(after[row].argmax())
        alone = _alone(healthy, planted, causes, plant)
        leads = [float(scores[answer] - scores[gold]) for scores in (before[row], after[row])]
        first, second = (
            float(scores[0][answer] - scores[0][gold])
            for scores in _scores([(prompt, [query]) for prompt in alone], healthy, model)
        )
        both = leads[1] - leads[0]
        share = ((first - leads[0]) + (leads[1] - second)) / 2
        if not EACH * both <= share <= (1 - EACH) * both:
            return None
    return case


def _alone(healthy: Prompt, planted: Prompt, causes: Sequence[Kind], plant: Plant) -> list[Prompt]:
    """Prompts with only the first of two causes, and only the second: the other is undone in the planted one."""
    found = []
    for undone in reversed(causes):
        prompt = planted
        if undone == "word":
            prompt = replace(prompt, labels=healthy.labels)
        elif undone == "demonstration":
            right = {example.text: example.label for example in healthy.demonstrations}
            shown = tuple(replace(old, label=right.get(old.text, old.label)) for old in prompt.demonstrations)
            prompt = replace(prompt, demonstrations=shown)
        elif undone == "majority":
            own = {example.text for example in healthy.demonstrations}
            prompt = replace(prompt, demonstrations=tuple(old for old in prompt.demonstrations if old.text in own))
        else:
            shown = tuple(sorted(prompt.demonstrations, key=lambda old: old.label != plant.rival))
            prompt = replace(prompt, demonstrations=shown)
        found.append(prompt)
    return found


def _culprit(healthy: Prompt, planted: Prompt) -> int:
    """Where the demonstration stands that has another label than before."""
    right = {example.text: example.label for example in healthy.demonstrations}
    return next(
        place for place, old in enumerate(planted.demonstrations) if right.get(old.text, old.label) != old.label
    )


def _disordered(
    kind: Kind, name: str, healthy: Prompt, source: Source, rng: random.Random, model: InstrumentedModel
) -> Case | None:
    """Look for an order that answers a query wrong which the healthy order and most others answer right."""
    orders = _orders(healthy, rng)
    gold = np.array([query.label for query in healthy.queries])
    answers = _scores([(order, healthy.queries) for order in (healthy, *orders)], healthy, model)
    right = np.array([scores.argmax(1) == gold for scores in answers])
    found = [
        (order, place)
        for place in np.flatnonzero(right[0] & (right[1:].sum(0) >= SOUND * len(orders)))
        for order, row in zip(orders, right[1:], strict=True)
        if not row[place]
    ]
    if not found:
        return None
    planted, place = rng.choice(found)
    return Case(kind, (kind,), name, _asking(healthy, int(place)), _asking(planted, int(place)))


def _scores(
    asked: Sequence[tuple[Prompt, Sequence[Example]]], healthy: Prompt, model: InstrumentedModel
) -> list[FloatArray]:
    """Label scores (n, C) of each prompt's queries, all in one list."""
    encoded = encode(healthy, *model.reader)
    lab = Lab(model, encoded, model.encode_prefix(encoded.prefix))
    return lab.ask([Question(prompt.with_queries(queries)) for prompt, queries in asked])


def _orders(prompt: Prompt, rng: random.Random, last: int | None = None) -> list[Prompt]:
    """Control orders; all demonstrations of `last`, if any, stay at the end."""
    orders = []
    for _ in range(CONTROLS):
        shown = rng.sample(prompt.demonstrations, len(prompt.demonstrations))
        orders.append(replace(prompt, demonstrations=tuple(sorted(shown, key=lambda example: example.label == last))))
    return orders


def _asking(prompt: Prompt, query: int) -> Prompt:
    """The same prompt with this query first."""
    others = (example for index, example in enumerate(prompt.queries) if index != query)
    return prompt.with_queries((prompt.queries[query], *others))


def _healthy(kind: Kind, source: Source, rng: random.Random) -> Prompt:
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
    words = [shape.labels[of].word for of in chosen]
    mixed = len({word.islower() for word in words}) > 1  # " PIN" beside " fee" is a cause that was not planted
    if kind in ("word", "two") or mixed:  # all words in one form, before one of them gets another
        words = [word.title() for word in words]
    return replace(
        shape,
        name="planted",
        labels=tuple(Label(shape.labels[of].name, word) for of, word in zip(chosen, words, strict=True)),
        demonstrations=tuple(demonstrations),
        queries=tuple(queries),
        examples=(),
        scoring="whole" if kind == "scoring" else "first",
        path=None,
    )
