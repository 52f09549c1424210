"""A prompt's tokens as words, each with the part that it plays; and a prompt with some words of its texts taken out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from icldiag.private import PRIVATE
from icldiag.prompt.encoded_prompt import EncodedPrompt, Token
from icldiag.prompt.parts import Role
from icldiag.prompt.schema import Example, Prompt

_WORD = re.compile(r"\s*\S+")


@dataclass(frozen=True)
class Word:
    """A word of a text, or a whole stretch of what is no text, such as a label word or the template's."""

    text: str = field(metadata=PRIVATE)
    role: Role
    demonstration: int | None  # None before the demonstrations and in the query
    field: str | None  # the template's, of a word of a text
    tokens: tuple[int, int]  # [start, stop) in the whole prompt
    place: int | None  # among its text's words; None where it is no word of one

    @property
    def removable(self) -> bool:
        return self.place is not None


def words_of(encoded: EncodedPrompt, own: Sequence[Token], query: int) -> tuple[Word, ...]:
    """The words of the whole prompt that ends with `query`, whose own tokens are `own`."""
    tokens = [*encoded.tokens, *own]
    of_query = len(encoded.tokens)
    found: list[Word] = []
    places = range(len(tokens))
    for (_, demonstration, role, name), group in groupby(
        places, lambda at: (at >= of_query, tokens[at].demonstration, tokens[at].role, tokens[at].field)
    ):
        stretch = list(group)
        if role != "text":
            text = "".join(tokens[at].text for at in stretch)
            found.append(Word(text, role, demonstration, None, (stretch[0], stretch[-1] + 1), None))
            continue
        split = _split([tokens[at].text for at in stretch])
        example = encoded.prompt.queries[query] if stretch[0] >= of_query else _shown(encoded, demonstration)
        known = example is not None and name is not None and len(example.text_of(name).split()) == len(split)
        for place, (start, stop) in enumerate(split):
            text = "".join(tokens[at].text for at in stretch[start:stop])
            span = stretch[start], stretch[stop - 1] + 1
            found.append(Word(text, role, demonstration, name, span, place if known else None))
    return tuple(found)


def _shown(encoded: EncodedPrompt, demonstration: int | None) -> Example | None:
    return None if demonstration is None else encoded.prompt.demonstrations[demonstration]


def _split(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Tokens of one text as words, by the spaces in them: [start, stop) of each."""
    starts: list[int] = []
    space = True  # before the first
    for place, text in enumerate(texts):
        if text.strip() and (space or text[0].isspace() or not starts):
            starts.append(place)
        if text:
            space = text[-1].isspace()
    if not starts:
        return [(0, len(texts))]
    starts[0] = 0  # a blank at the beginning is the first word's
    return list(zip(starts, [*starts[1:], len(texts)], strict=True))


def without(prompt: Prompt, query: int, words: Collection[Word]) -> Prompt:
    """The prompt with this query alone, these words taken out of its texts and of the demonstrations'."""
    gone: dict[tuple[int | None, str], set[int]] = defaultdict(set)
    for word in words:
        assert word.place is not None and word.field is not None
        gone[word.demonstration, word.field].add(word.place)

    def thinned(example: Example, demonstration: int | None) -> Example:
        texts = {name: _without(example.text_of(name), gone[demonstration, name]) for name in prompt.fields}
        return replace(Example.of(texts, example.label, example.id), demonstrations=example.demonstrations)

    shown = tuple(thinned(example, place) for place, example in enumerate(prompt.demonstrations))
    return replace(prompt, demonstrations=shown, queries=(thinned(prompt.queries[query], None),), beta=None)


def _without(text: str, places: Collection[int]) -> str:
    if not places:
        return text
    words = _WORD.findall(text)
    left = "".join(word for place, word in enumerate(words) if place not in places)
    return left.lstrip() if 0 in places else left
