"""Which token of one prompt is which token of another: by spans, and never by guessing.

Demonstrations are the same where texts and label are, then where the texts are, then where place and label are. Within
two that are the same, a span (a label word, a text, a stretch of the template) is aligned token by token where it has
as many tokens in both. Of label words of different length the anchors are aligned, which both have by definition. What
is left is named and has no place in a site.

The first token is a site of its own and is aligned with the first alone: models without a token for the beginning of a
text make an attention sink of whatever stands there (Xiao et al. 2023, arXiv 2309.17453), so that its state belongs to
the place and not to the text. Moved with its demonstration it would carry the change by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from icldiag.counting import counted
from icldiag.prompt.encoded_prompt import EncodedPrompt, Span

Kind = Literal["first token", "label words", "texts", "template", "query", "target"]


SINK = "the first token of either prompt, which keeps its place"
_ANYWHERE: tuple[Kind, ...] = ("first token", "target")  # kinds of a place, not of a text


@dataclass(frozen=True)
class Site:
    """A class of positions; `here[i]` and `there[i]` are the same token of the two prompts.

    Of a demonstration that the counterpart has not, `there` is empty.
    """

    kind: Kind
    label: int | None  # of the demonstrations, for label words and texts
    name: str
    here: tuple[int, ...]
    there: tuple[int, ...]

    @property
    def only_here(self) -> bool:
        return not self.there


@dataclass(frozen=True)
class Alignment:
    """All sites that have a token, in the order of `Kind`, and what could not be aligned."""

    sites: tuple[Site, ...]
    unaligned: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]  # of demonstrations


def demonstration_pairs(here: EncodedPrompt, there: EncodedPrompt) -> list[tuple[int, int]]:
    """Demonstrations that are the same in both, in the order of the first."""
    ours, theirs = here.prompt.demonstrations, there.prompt.demonstrations
    pairs: dict[int, int] = {}

    def match(same: object) -> None:
        assert callable(same)
        for place in range(len(ours)):
            if place in pairs:
                continue
            free = [other for other in range(len(theirs)) if other not in pairs.values() and same(place, other)]
            if free:
                pairs[place] = place if place in free else free[0]

    match(lambda one, other: (ours[one].texts, ours[one].label) == (theirs[other].texts, theirs[other].label))
    match(lambda one, other: ours[one].texts == theirs[other].texts)
    if len(ours) == len(theirs):
        match(lambda one, other: one == other and ours[one].label == theirs[other].label)
    return sorted(pairs.items())


def align(here: EncodedPrompt, there: EncodedPrompt, further: int = 0) -> Alignment:
    """Align two prompts of one query each; `further` tokens of label words follow both targets."""
    found = _Found(here.prompt.label_names)
    pairs = demonstration_pairs(here, there)
    _demonstrations(found, here, there, pairs)
    _opening(found, here, there)
    _query(found, here, there)
    if here.queries[0].target and there.queries[0].target:
        found.add("first token", None, iter([(0, 0)]))
    targets = [range(one.queries[0].target, one.queries[0].target + 1 + further) for one in (here, there)]
    found.add("target", None, zip(*targets, strict=True))
    return Alignment(found.sites(), tuple(found.unaligned), tuple(pairs))


class _Found:
    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.tokens: dict[tuple[Kind, int | None], list[tuple[int, int]]] = {}
        self.unaligned: list[str] = []
        self.only_here: list[Site] = []

    def add(self, kind: Kind, label: int | None, tokens: Iterator[tuple[int, int]]) -> None:
        """Tokens of a site; the first of either prompt is none of another's."""
        given = list(tokens)
        own = [pair for pair in given if kind in _ANYWHERE or 0 not in pair]
        self.tokens.setdefault((kind, label), []).extend(own)
        if any(pair != (0, 0) for pair in set(given) - set(own)) and SINK not in self.unaligned:
            self.unaligned.append(SINK)

    def span(self, kind: Kind, label: int | None, here: Span, there: Span, what: str) -> None:
        """Token by token, or named where one has more."""
        ours, theirs = here[1] - here[0], there[1] - there[0]
        if ours == theirs:
            self.add(kind, label, zip(range(*here), range(*there), strict=True))
        else:
            self.unaligned.append(f"{what} ({counted(ours, 'token')} here, {theirs} there)")

    def sites(self) -> tuple[Site, ...]:
        order: list[tuple[Kind, int | None]] = [
            ("first token", None),
            *(("label words", label) for label in range(len(self.labels))),
            *(("texts", label) for label in range(len(self.labels))),
            ("template", None),
            ("query", None),
            ("target", None),
        ]
        both = tuple(
            Site(key[0], key[1], self._name(*key), *(tuple(side) for side in zip(*self.tokens[key], strict=True)))
            for key in order
            if self.tokens.get(key)
        )
        return (*self.only_here, *both)

    def _name(self, kind: Kind, label: int | None) -> str:
        return kind if label is None else f"{self.labels[label]}'s {kind}"


def _demonstrations(found: _Found, here: EncodedPrompt, there: EncodedPrompt, pairs: Sequence[tuple[int, int]]) -> None:
    for one in sorted({*range(len(here.demonstrations))} - {one for one, _ in pairs}):
        own = here.demonstrations[one]
        texts = tuple(place for place in own.text_positions if place not in range(*own.label))
        whole = range(own.span[0], _next_start(here, one))
        rest = tuple(place for place in whole if place not in texts and place not in range(*own.label))
        parts: tuple[tuple[Kind, tuple[int, ...]], ...] = (
            ("label words", tuple(range(*own.label))),
            ("texts", texts),
            ("template", rest),
        )
        singular = {"label words": "label word", "texts": "text"}
        found.only_here += [
            Site(kind, own.label_class, f"demonstration {one + 1}'s {singular.get(kind, kind)}", places, ())
            for kind, all_places in parts
            if (places := tuple(place for place in all_places if place))  # the first token has a site of its own
        ]
    for other in sorted({*range(len(there.demonstrations))} - {other for _, other in pairs}):
        found.unaligned.append(f"demonstration {other + 1} of the counterpart, which is only there")
    for one, other in pairs:
        ours, theirs, name = here.demonstrations[one], there.demonstrations[other], f"demonstration {one + 1}"
        label = ours.label_class
        if ours.label[1] - ours.label[0] == theirs.label[1] - theirs.label[0]:
            found.span("label words", label, ours.label, theirs.label, "")
        else:
            found.add("label words", label, iter([(ours.anchor, theirs.anchor)]))
            found.unaligned.append(f"{name}'s label word but for its anchor")
        fields = zip(here.prompt.fields, ours.texts, theirs.texts, strict=True)
        for field, own, other_text in fields:
            of_field = f"{name}'s text" if len(ours.texts) == 1 else f"{name}'s {field}"
            found.span("texts", label, own, other_text, of_field)
        ends = [
            _next_start(encoded, place) for encoded, place in ((here, one), (there, other))
        ]  # with what separates it from the next
        gaps = [
            _gaps((demonstration.span[0], end), [*demonstration.texts, demonstration.label])
            for demonstration, end in zip((ours, theirs), ends, strict=True)
        ]
        for own, other_gap in zip(*gaps, strict=True):
            found.span("template", None, own, other_gap, f"the template of {name}")


def _next_start(encoded: EncodedPrompt, place: int) -> int:
    if place + 1 < len(encoded.demonstrations):
        return encoded.demonstrations[place + 1].span[0]
    return max(len(encoded.prefix), encoded.demonstrations[place].span[1])


def _gaps(whole: Span, taken: Sequence[Span]) -> list[Span]:
    """What of a span the taken ones leave, in their order; as many gaps as there are taken spans, and one."""
    gaps, at = [], whole[0]
    for start, stop in taken:
        if (start, stop) == (0, 0):  # an empty text has no place
            gaps.append((at, at))
            continue
        gaps.append((at, max(at, start)))
        at = max(at, stop)
    return [*gaps, (at, max(at, whole[1]))]


def _opening(found: _Found, here: EncodedPrompt, there: EncodedPrompt) -> None:
    """What stands before the demonstrations."""
    spans = [(0, one.demonstrations[0].span[0] if one.demonstrations else len(one.prefix)) for one in (here, there)]
    found.span("template", None, spans[0], spans[1], "what stands before the demonstrations")


def _query(found: _Found, here: EncodedPrompt, there: EncodedPrompt) -> None:
    ours, theirs = here.queries[0], there.queries[0]
    for number, (own, other) in enumerate(zip(ours.texts, theirs.texts, strict=True)):
        name = "the query's text" if len(ours.texts) == 1 else f"the query's {here.prompt.fields[number]}"
        found.span("query", None, own, other, name)
    starts = [
        max([len(one.prefix), *(demonstration.span[1] for demonstration in one.demonstrations)])
        for one in (here, there)
    ]
    gaps = [_gaps((start, query.target), query.texts) for start, query in zip(starts, (ours, theirs), strict=True)]
    for own, other in zip(*gaps, strict=True):
        found.span("query", None, own, other, "the template around the query")
