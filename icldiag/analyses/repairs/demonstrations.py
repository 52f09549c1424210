"""Candidates: one demonstration dropped, another example in its place, or the first ones of a prompt without any."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np

from icldiag.analyses.confusion.layer import layer_of
from icldiag.analyses.search.repair import Repair, change
from icldiag.analyses.search.search import Search
from icldiag.model.readout import FloatArray
from icldiag.prompt.edit import drop, with_demonstrations
from icldiag.prompt.schema import Example

PLACED = 6  # examples tried in each demonstration's place, if the budget lasts


def deletions(search: Search) -> Iterator[Repair]:
    """Every demonstration whose class has another one: a class without any is rarely answered."""
    prompt = search.prompt
    shots = Counter(example.label for example in prompt.demonstrations)
    for place in _concerned_first(search):
        if shots[prompt.demonstrations[place].label] > 1:
            which = _named(search, place)
            yield change("drop", f"without demonstration {which}", drop(prompt, place), f"without {which}")


def first_demonstrations(search: Search) -> Iterator[Repair]:
    """Of a prompt without any: an example of each class, drawn from the fitting part and in an order that is drawn."""
    if search.prompt.demonstrations:
        return
    by_class = [
        [one for one in search.parts.fitting if one.label == label] for label in range(len(search.prompt.labels))
    ]
    if not all(by_class):
        return
    generator = random.Random(search.seed)
    for draw in range(1, PLACED + 1):
        shown = [generator.choice(mine) for mine in by_class]
        generator.shuffle(shown)
        name, short = f"an example of each class shown, draw {draw}", f"draw {draw}: an example of each class"
        yield change("show", name, with_demonstrations(search.prompt, shown), short)


def replacements(search: Search) -> Iterator[Repair]:
    """An example of the fitting part in a demonstration's place: same class, the nearest first.

    Near is what the model's own target query vector (in the layer where it reads answers off the label words) is near
    to: the failed query's, for its class; the mean of the class's examples otherwise.
    """
    fitting = search.parts.fitting
    if not fitting or not search.prompt.demonstrations:
        return
    near = _by_nearness(search)
    shown = search.prompt.demonstrations
    for turn in range(PLACED):
        for place in _concerned_first(search):
            label = shown[place].label
            if label is None or turn >= len(near[label]):
                continue
            example = near[label][turn]
            demonstrations = [*shown[:place], example, *shown[place + 1 :]]
            name = f"demonstration {_named(search, place)} replaced by '{example.text}'"
            short = f"new {place + 1}: '{example.text}'"
            yield change("replace", name, with_demonstrations(search.prompt, demonstrations), short)


def _concerned_first(search: Search) -> list[int]:
    """Places of the demonstrations, harmful ones first; with a failed query, those of its class and of the answered."""
    shown = search.prompt.demonstrations
    places = list(range(len(shown)))
    if search.query is None:
        return sorted(places, key=lambda place: place not in search.harmful)
    query = search.prompt.queries[search.query]
    (scores,) = search.scores(search.start, [query])
    concerned = {query.label, int(scores[0].argmax())}
    return sorted(places, key=lambda place: shown[place].label not in concerned)


def _named(search: Search, place: int) -> str:
    label = search.prompt.demonstrations[place].label
    return f"{place + 1} ({search.prompt.label_names[label]})" if label is not None else str(place + 1)


def _by_nearness(search: Search) -> list[list[Example]]:
    """Per class, the fitting part's examples, nearest first."""
    prompt, fitting = search.prompt, search.parts.fitting
    asked = () if search.query is None else (prompt.queries[search.query],)
    readout = search.read((*fitting, *asked), with_target=True)
    assert readout.target is not None
    vectors = readout.target.queries[layer_of(readout).layer].astype(np.float64)  # (n, H * d)
    vectors -= vectors[: len(fitting)].mean(0)
    near: list[list[Example]] = []
    for label in range(len(prompt.labels)):
        mine = [place for place, example in enumerate(fitting) if example.label == label]
        if not mine:
            near.append([])
            continue
        wanted = vectors[-1] if asked and asked[0].label == label else vectors[mine].mean(0)
        likeness = _cosines(vectors[mine], wanted)
        near.append([fitting[mine[place]] for place in np.argsort(-likeness, kind="stable")])
    return near


def _cosines(vectors: FloatArray, wanted: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted)
    return np.asarray(vectors @ wanted / np.maximum(lengths, 1e-12))
