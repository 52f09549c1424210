"""Texts that a prompt has twice: a query that stands among the demonstrations, a demonstration with two labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from icldiag.prompt.schema import Example, Prompt
from icldiag.quoting import shortened

_LISTED = 3  # pairs in a warning

_Text = tuple[str, ...]


def same_text_warnings(prompt: Prompt) -> Iterator[str]:
    """Texts are the same if they differ in their blanks alone. Each warning is a clause of numbers and label names."""
    shown = _places(prompt.demonstrations)
    yield from _two_labels(prompt, shown)
    copied: list[tuple[int, int]] = []
    contradicted: list[tuple[int, int]] = []
    for number, query in enumerate(prompt.queries, start=1):
        for place in shown.get(_text(query), ()):
            same = query.label in (None, prompt.demonstrations[place].label)
            (copied if same else contradicted).append((place + 1, number))
    for pairs, meaning in (
        (copied, "the answer can be copied, which tells nothing about other texts"),
        (contradicted, "it shows another label than the query's gold label"),
    ):
        if pairs:
            yield f"{_of_queries(pairs)}: {meaning}"
    own = [
        number
        for number, query in enumerate(prompt.queries, start=1)
        if _text(query) in map(_text, query.demonstrations)
    ]
    if own:
        more = f" and {len(own) - _LISTED} more" if len(own) > _LISTED else ""
        said = "query {} has its own text" if len(own) == 1 else "queries {} have their own texts"
        alone = f"the demonstrations that are shown to {'it' if len(own) == 1 else 'each'} alone"
        yield f"{said.format(_numbers(own[:_LISTED]) + more)} among {alone}"


def _text(example: Example) -> _Text:
    return tuple(" ".join(text.split()) for text in example.texts)


def _places(examples: Sequence[Example]) -> dict[_Text, list[int]]:
    found: dict[_Text, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        found[_text(example)].append(place)
    return dict(found)


def _two_labels(prompt: Prompt, shown: dict[_Text, list[int]]) -> Iterator[str]:
    found = []
    for places in shown.values():
        labels = {prompt.demonstrations[place].known_label: place for place in reversed(places)}  # the first of each
        if len(labels) > 1:
            found.append(sorted(labels.values()))
    for places in found[:_LISTED]:
        names = [shortened(prompt.label_names[prompt.demonstrations[place].known_label]) for place in places]
        yield (
            f"demonstrations {_numbers([place + 1 for place in places[:_LISTED]])} have the same text with different "
            f"labels ({', '.join(names[:_LISTED])})"
        )
    if len(found) > _LISTED:
        yield f"and so have demonstrations of {len(found) - _LISTED} more texts"


def _of_queries(pairs: Sequence[tuple[int, int]]) -> str:
    first, query = pairs[0]
    said = f"demonstration {first} has the text of query {query}"
    said += "".join(f", {demonstration} of {number}" for demonstration, number in pairs[1:_LISTED])
    return said + (f", and so in {len(pairs) - _LISTED} more pairs" if len(pairs) > _LISTED else "")


def _numbers(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
