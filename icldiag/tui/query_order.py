"""Which queries are listed, and in what order. Nothing here draws."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.prompt.schema import Prompt

#: What the list can be sorted by, and how the title says it.
SORTS = {
    "wrong": "",
    "error": ", by error",
    "confidence": ", surest first",
    "lead": ", least lead first",
    "gold": ", by gold label",
    "answer": ", by answer",
    "marked": ", marked first",
    "changed": ", changed first",
}
ARROW = " -> "  # between gold label and answer, in the list and in the filter


class Group(NamedTuple):
    """Queries that are listed together, under a head if they have one."""

    head: str
    queries: Sequence[int]


def next_sort(sort: str) -> str:
    """The one after it, the first after the last."""
    names = list(SORTS)
    return names[(names.index(sort) + 1) % len(names)]


def lead(prediction: Prediction, query: int) -> float:
    """Nats by which the answer is before what it stands against: the gold label, or of a right one the runner-up."""
    scores = prediction.scores[query]
    return float(scores[prediction.predicted[query]] - scores[prediction.rival(query)])


def note(prediction: Prediction, query: int, sort: str) -> str:
    """What a query is sorted by, where its two lines do not say it."""
    if sort == "confidence":
        return f"{prediction.probabilities[query].max():.2f}"
    return f"{lead(prediction, query):.1f} nats" if sort == "lead" else ""


def groups(
    prompt: Prompt,
    prediction: Prediction | None,
    sort: str,
    words: str,
    marked: Collection[int] = (),
    changed: Collection[int] = (),
) -> list[Group]:
    """The queries that pass the filter, in order; unsorted before the model has answered."""
    queries = [query for query in range(len(prompt.queries)) if passes(prompt, prediction, query, words)]
    if prediction is None:
        return [Group("", queries)]
    if sort == "error":
        return list(_by_error(prediction, queries))
    none = len(prediction.labels)  # queries without a gold label come last
    if sort == "wrong":
        listed = frozenset(queries)
        wrong = [query for query in prediction.wrong if query in listed]
        queries = [*wrong, *(query for query in queries if not prediction.is_wrong(query))]
    elif sort == "confidence":
        queries.sort(key=lambda query: -float(prediction.probabilities[query].max()))
    elif sort == "lead":
        queries.sort(key=lambda query: lead(prediction, query))
    elif sort in ("marked", "changed"):
        first = marked if sort == "marked" else changed
        queries.sort(key=lambda query: query not in first)
    elif sort == "gold":
        queries.sort(key=lambda query: none if (gold := prediction.gold[query]) is None else gold)
    else:
        queries.sort(key=lambda query: int(prediction.predicted[query]))
    return [Group("", queries)]


def _by_error(prediction: Prediction, queries: Sequence[int]) -> Iterator[Group]:
    """The commonest error first, then what is right, then what nobody can judge."""
    errors: dict[tuple[int, int], list[int]] = {}
    for query in queries:
        gold = prediction.gold[query]
        if gold is not None and prediction.is_wrong(query):
            errors.setdefault((gold, int(prediction.predicted[query])), []).append(query)
    for (gold, answer), members in sorted(errors.items(), key=lambda error: (-len(error[1]), error[0])):
        names = prediction.labels
        yield Group(f"{len(members)} x {visible(names[gold])}{ARROW}{visible(names[answer])}", members)
    right = [query for query in queries if prediction.gold[query] is not None and not prediction.is_wrong(query)]
    unknown = [query for query in queries if prediction.gold[query] is None]
    for head, members in ((f"{len(right)} right", right), (f"{len(unknown)} without a gold label", unknown)):
        if members:
            yield Group(head, members)


def cell_filter(labels: Sequence[str], gold: int, answer: int) -> str:
    """What is typed into the filter for one cell of the gold x answer table."""
    return f"{visible(labels[gold])}{ARROW}{visible(labels[answer])}"


def passes(prompt: Prompt, prediction: Prediction | None, query: int, words: str) -> bool:
    """Every word is in the text, the id, the gold label or the answer, or is the number, as `#12`.

    `gold -> answer` is one error or all right.
    """
    example, labels = prompt.queries[query], prompt.label_names
    gold = "" if example.label is None else labels[example.label]
    answer = "" if prediction is None else prediction.labels[prediction.predicted[query]]
    if ARROW.strip() in words:
        sides = _sides(words, labels)
        return all(_is_label(name, side, labels) for name, side in zip((gold, answer), sides, strict=True))
    haystack = " ".join([example.text, example.id or "", gold, answer]).casefold()
    return all(word in haystack or word == f"#{query + 1}" for word in words.casefold().split())


def _sides(words: str, labels: Sequence[str]) -> tuple[str, str]:
    """What stands before and after the arrow; of several arrows, the one between two labels if there is one."""
    arrow = ARROW.strip()
    parts, known = words.split(arrow), {_plain(name) for name in labels}
    splits = [(arrow.join(parts[:at]), arrow.join(parts[at:])) for at in range(1, len(parts))]
    return next((sides for sides in splits if {*map(_plain, sides)} <= known), splits[0])


def _is_label(name: str, typed: str, labels: Sequence[str]) -> bool:
    """A whole name is that label alone; while it is being typed, every label with it in its name."""
    plain, typed = _plain(name), _plain(typed)
    return plain == typed if typed in map(_plain, labels) else typed in plain


def _plain(name: str) -> str:
    return visible(name).strip().casefold()


def telling_query(prediction: Prediction, otherwise: int) -> int:
    """The most confidently wrong query of the pair of labels that is mixed up most; `otherwise` if none is wrong."""
    counts = prediction.counts

    def mixed(query: int) -> int:
        gold, predicted = prediction.gold[query], prediction.predicted[query]
        return int(counts[gold, predicted] + counts[predicted, gold])

    return max(prediction.wrong, key=mixed, default=otherwise)  # of equals the first, the most confident
