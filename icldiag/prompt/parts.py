"""A prompt's text in parts that each have a role: those that all queries share, and each query's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.template import Pieces

# "retrieved" is all of a demonstration that one query alone is shown
Role = Literal["special", "instruction", "template", "text", "label", "separator", "retrieved"]


@dataclass(frozen=True)
class Part:
    """A stretch of the prompt's characters with one role; `field` is the template's, of a text."""

    text: str
    role: Role
    demonstration: int | None = None
    field: str | None = None


@dataclass(frozen=True)
class Parts:
    """The whole prompt of query i is `shown` followed by `queries[i]`; a label word would follow that."""

    shown: tuple[Part, ...]
    queries: tuple[tuple[Part, ...], ...]
    words: tuple[str, ...]  # the label words, as they are written after the query
    ending: str  # what ends a label where it is shown
    in_turns: bool = False  # written by a chat template, which writes the special tokens too
    warnings: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """The whole prompt of every query."""
        shown = text_of(self.shown)
        return [shown + text_of(own) for own in self.queries]


def text_of(parts: Sequence[Part]) -> str:
    return "".join(part.text for part in parts)


def starts_of(parts: Sequence[Part]) -> list[int]:
    """Where each part begins, in characters."""
    starts, position = [], 0
    for part in parts:
        starts.append(position)
        position += len(part.text)
    return starts


def filled_parts(prompt: Prompt, example: Example, own: Pieces, demonstration: int | None = None) -> tuple[Part, ...]:
    """The template up to its label, with an example's texts in its fields."""
    found = []
    for head, name in zip(own.heads, prompt.fields, strict=True):
        found.append(Part(head, "template", demonstration))
        found.append(Part(example.text_of(name), "text", demonstration, name))
    return (*found, Part(own.until, "template", demonstration))


def plain_parts(prompt: Prompt) -> Parts:
    """The prompt as the template and the separator write it."""
    shown: list[Part] = []
    if prompt.instruction is not None:
        separator = prompt.opening[len(prompt.instruction) :]
        shown += [Part(prompt.instruction, "instruction"), Part(separator, "separator")]
    for index, example in enumerate(prompt.demonstrations):
        shown += _demonstration(prompt, example, index)
    queries = tuple(
        (*_retrieved(prompt, query), *filled_parts(prompt, query, prompt.query_pieces)) for query in prompt.queries
    )
    words = tuple(label.word for label in prompt.labels)
    return Parts(tuple(shown), queries, words, prompt.template_pieces.after + prompt.separator)


def _demonstration(prompt: Prompt, example: Example, index: int | None = None) -> tuple[Part, ...]:
    return (
        *filled_parts(prompt, example, prompt.template_pieces, index),
        Part(prompt.labels[example.known_label].word, "label", index),
        Part(prompt.template_pieces.after, "template", index),
        Part(prompt.separator, "separator", index),
    )


def _retrieved(prompt: Prompt, query: Example) -> Iterator[Part]:
    for example in prompt.retrieved(query):
        for part in _demonstration(prompt, example):
            yield Part(part.text, "retrieved")
