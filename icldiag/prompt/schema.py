"""`Prompt`, the validated value that everything else reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from icldiag.prompt.adjustments import Calibration, SavedBeta
from icldiag.prompt.fields import (
    Anchor,
    Scoring,
)
from icldiag.prompt.template import LABEL as LABEL
from icldiag.prompt.template import TEXT as TEXT


@dataclass(frozen=True)
class Label:
    """A class: its name, and the label word exactly as it is written in the prompt, leading space included."""

    name: str
    word: str


@dataclass(frozen=True)
class Example:
    """A text with the index of its class in `Prompt.labels`, or None where the label is unknown.

    `id` is what the text is called where it comes from, such as the doc_id of lm-evaluation-harness.
    """

    text: str
    label: int | None
    id: str | None = None

    @property
    def known_label(self) -> int:
        """Of an example that has one, as every demonstration does. Raises ValueError."""
        if self.label is None:
            raise ValueError(f"the example {self.text!r:.80} has no label")
        return self.label


@dataclass(frozen=True)
class Prompt:
    """A few-shot classification prompt. `labels` gives the class order for every result."""

    name: str
    template: str
    separator: str
    labels: tuple[Label, ...]
    demonstrations: tuple[Example, ...]
    queries: tuple[Example, ...]
    examples: tuple[Example, ...] = ()
    instruction: str | None = None
    instruction_separator: str | None = None  # None: as `separator`
    scoring: Scoring = "first"
    anchor: Anchor = "last"
    chat: bool = False  # written as turns by the model's chat template; `separator` is then not used
    path: Path | None = None
    calibration: Calibration | None = None
    beta: SavedBeta | None = None
    notes: tuple[str, ...] = dataclasses.field(default=(), compare=False)  # on its data files
    query_template: str | None = None  # of the queries alone, for experiments: no prompt file can say so; not for chats

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @cached_property
    def template_pieces(self) -> tuple[str, str, str]:
        """The template's own text before the example's text, between text and label, and after the label."""
        return _pieces(self.template)

    @cached_property
    def query_pieces(self) -> tuple[str, str, str]:
        """The same of the template that the queries are written with."""
        return _pieces(self.query_template or self.template)

    @property
    def opening(self) -> str:
        """All text before the first demonstration."""
        if self.instruction is None:
            return ""
        separator = self.separator if self.instruction_separator is None else self.instruction_separator
        return self.instruction + separator

    def written(self, query: str) -> str:
        """The whole text that a query makes, up to where its label is asked for; without a chat template's turns."""
        before, between, after = self.template_pieces
        asked, until, _ = self.query_pieces
        shown = "".join(
            before + example.text + between + self.labels[example.label or 0].word + after + self.separator
            for example in self.demonstrations
        )
        return self.opening + shown + asked + query + until

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything but paths, notes and the name: equal prompts give equal results."""
        content = asdict(replace(self, path=None, name="", beta=None))
        del content["notes"]
        content["beta"] = self.beta and self.beta.sha256
        for field in ("calibration", "beta", "instruction_separator", "query_template"):
            if content[field] is None:  # a prompt without them has the hash that it always had
                del content[field]
        if not self.chat:
            del content["chat"]
        for part in ("demonstrations", "queries", "examples"):
            for example in content[part]:
                if example["id"] is None:
                    del example["id"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def with_queries(self, queries: Sequence[Example]) -> Prompt:
        return replace(self, queries=tuple(queries))


def _pieces(template: str) -> tuple[str, str, str]:
    before, rest = template.split(TEXT, 1)
    between, after = rest.split(LABEL, 1)
    return before, between, after
