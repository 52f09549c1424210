"""A prompt's text in parts that each have a role: those that all queries share, and each query's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from icldiag.prompt.schema import Prompt

Role = Literal["special", "instruction", "template", "text", "label", "separator"]


@dataclass(frozen=True)
class Part:
    """A stretch of the prompt's characters with one role."""

    text: str
    role: Role
    demonstration: int | None = None


@dataclass(frozen=True)
class Parts:
    """The whole prompt of query i is `shown` followed by `queries[i]`; a label word would follow that."""

    shown: tuple[Part, ...]
    queries: tuple[tuple[Part, ...], ...]
    words: tuple[str, ...]  # the label words, as they are written after the query
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


def plain_parts(prompt: Prompt) -> Parts:
    """The prompt as the template and the separator write it."""
    before, between, after = prompt.template_pieces
    shown: list[Part] = []
    if prompt.instruction is not None:
        separator = prompt.opening[len(prompt.instruction) :]
        shown += [Part(prompt.instruction, "instruction"), Part(separator, "separator")]
    for index, example in enumerate(prompt.demonstrations):
        shown += [
            Part(before, "template", index),
            Part(example.text, "text", index),
            Part(between, "template", index),
            Part(prompt.labels[example.known_label].word, "label", index),
            Part(after, "template", index),
            Part(prompt.separator, "separator", index),
        ]
    before, between, _ = prompt.query_pieces
    queries = tuple(
        (Part(before, "template"), Part(query.text, "text"), Part(between, "template")) for query in prompt.queries
    )
    return Parts(tuple(shown), queries, tuple(label.word for label in prompt.labels))
