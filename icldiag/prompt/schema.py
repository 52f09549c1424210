"""`Prompt`, the validated value that everything else reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from icldiag.arguments import Natural, Text, check_fields, checked
from icldiag.errors import PromptError
from icldiag.private import OMITTED, PRIVATE
from icldiag.prompt.adjustments import Calibration, SavedBeta
from icldiag.prompt.fields import (
    Anchor,
    Scoring,
)
from icldiag.prompt.logged import Logged
from icldiag.prompt.retrieval import Retrieval, label_shares, likeness, nearest
from icldiag.prompt.template import ONE, Pieces, in_braces, pieces
from icldiag.quoting import quoted

_JOIN = " / "  # of an example's texts, in lists and for searching


@dataclass(frozen=True)
class Label:
    """A class: its name, and the label word exactly as it is written in the prompt, leading space included."""

    name: str
    word: Text = dataclasses.field(metadata=PRIVATE)

    def __post_init__(self) -> None:
        check_fields(self, PromptError)


@dataclass(frozen=True)
class Example:
    """A text with the index of its class in `Prompt.labels`, or None where the label is unknown.

    `id` is what the text is called where it comes from, such as the doc_id of lm-evaluation-harness. Where the template
    has other fields than {text}, `fields` holds a text for each, by name; `text` is then these joined, for lists and
    searching.
    """

    text: Text = dataclasses.field(metadata=PRIVATE)
    label: Natural | None
    id: str | None = None
    fields: tuple[tuple[str, Text], ...] = dataclasses.field(default=(), metadata=OMITTED)
    demonstrations: tuple[Example, ...] = ()  # that this one alone is shown, after the prompt's own; not for chats

    def __post_init__(self) -> None:
        if isinstance(self.label, str):
            raise PromptError(f"label is the index of one of the prompt's labels, or None, not {quoted(self.label)}")
        check_fields(self, PromptError)
        if self.fields:
            object.__setattr__(self, "text", _JOIN.join(self.texts))

    @classmethod
    def of(
        cls,
        texts: Mapping[str, str],
        label: int | None = None,
        id: str | None = None,
        demonstrations: tuple[Example, ...] = (),
    ) -> Example:
        """From the text of each field."""
        if tuple(texts) == ONE:
            return cls(texts["text"], label, id, demonstrations=demonstrations)
        return cls("", label, id, tuple(texts.items()), demonstrations)

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of each field, in their order."""
        return tuple(text for _, text in self.fields) or (self.text,)

    def text_of(self, field: str) -> str:
        """The text of a field. Raises PromptError: it has none."""
        found = dict(self.fields or (("text", self.text),)).get(field)
        if found is None:
            raise PromptError(f"the text {quoted(self.text)} is none for the field {in_braces([field])}")
        return found

    @property
    def known_label(self) -> int:
        """Of an example that has one, as every demonstration does. Raises ValueError."""
        if self.label is None:
            raise ValueError(f"the example {self.text!r:.80} has no label")
        return self.label


@dataclass(frozen=True)
class Prompt:
    """A few-shot classification prompt. `labels` gives the class order for every result.

    Raises:
        PromptError: a field is not of its type, or an example has a label that is not there.
    """

    name: str
    template: Text
    separator: Text
    labels: tuple[Label, ...]
    demonstrations: tuple[Example, ...]
    queries: tuple[Example, ...]
    examples: tuple[Example, ...] = ()
    instruction: Text | None = None
    instruction_separator: Text | None = None  # None: as `separator`
    scoring: Scoring = "first"
    anchor: Anchor = "last"
    chat: bool = False  # written as turns by the model's chat template; `separator` is then not used
    path: Path | None = None
    calibration: Calibration | None = None
    beta: SavedBeta | None = None
    retrieval: Retrieval | None = None  # of further demonstrations for each query, from `examples`; not for chats
    notes: tuple[str, ...] = dataclasses.field(default=(), compare=False)  # on its data files
    logged: Logged | None = dataclasses.field(default=None, compare=False)  # of a log: what its run answered
    query_template: str | None = None  # of the queries alone, for experiments: no prompt file can say so; not for chats
    fields: tuple[str, ...] = ONE  # of the template, in its order, but for {label}; every example has a text for each

    def __post_init__(self) -> None:
        check_fields(self, PromptError)
        for part in ("demonstrations", "queries", "examples"):
            for place, example in enumerate(getattr(self, part)):
                if example.label is not None and example.label >= len(self.labels):
                    reason = f"label {example.label} is none of the {len(self.labels)} labels, which count from 0"
                    raise PromptError(reason, field=f"{part}[{place}]")

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @property
    def whole_words(self) -> bool:
        """Whether a label's score is made of the log-probabilities of all its word's tokens."""
        return self.scoring != "first"

    @cached_property
    def template_pieces(self) -> Pieces:
        """The template's own text before each field, between them and the label, and after the label."""
        return pieces(self.template, self.fields)

    @cached_property
    def query_pieces(self) -> Pieces:
        """The same of the template that the queries are written with."""
        return pieces(self.query_template or self.template, self.fields)

    @property
    def opening(self) -> str:
        """All text before the first demonstration."""
        if self.instruction is None:
            return ""
        separator = self.separator if self.instruction_separator is None else self.instruction_separator
        return self.instruction + separator

    def written(self, query: Example | str) -> str:
        """The whole text that a query makes, up to where its label is asked for; without a chat template's turns."""
        asked = self.example(query) if isinstance(query, str) else query
        shown = "".join(
            self._filled(example, self.template_pieces)
            + self.labels[example.label or 0].word
            + self.template_pieces.after
            + self.separator
            for example in (*self.demonstrations, *self.retrieved(asked))
        )
        return self.opening + shown + self._filled(asked, self.query_pieces)

    def retrieved(self, query: Example) -> list[Example]:
        """What this query is shown after the prompt's own demonstrations: its own, and examples."""
        if self.retrieval is None:
            return [*query.demonstrations]
        shown = (example.text for example in self.demonstrations)
        places = nearest(self.retrieval.count, query.text, self._labelled_texts, shown)
        return [*query.demonstrations, *(self.labelled[place] for place in places)]

    @cached_property
    def labelled(self) -> tuple[Example, ...]:
        """The examples whose label is known: what a query is shown, and what votes for its label."""
        return tuple(example for example in self.examples if example.label is not None)

    @cached_property
    def _labelled_texts(self) -> tuple[str, ...]:
        return tuple(example.text for example in self.labelled)

    def votes(self, query: Example) -> tuple[float, ...] | None:
        """(C,) what the neighbours' votes add to the label scores of a query; None without such a calibration."""
        votes = None if self.calibration is None else self.calibration.votes
        if votes is None or not votes.weight:
            return None
        labels = [example.known_label for example in self.labelled]
        scores = likeness(query.text, self._labelled_texts)[None]
        (shares,) = label_shares(scores, labels, len(self.labels), votes.nearest)
        return tuple((votes.weight * shares).tolist())

    @property
    def per_query(self) -> bool:
        """Whether queries have demonstrations of their own."""
        return any(query.demonstrations for query in self.queries)

    def like_queries(self, examples: Sequence[Example]) -> tuple[Example, ...]:
        """Texts to be asked as the queries are: with the demonstrations of these in turn where they have their own."""
        if not self.per_query:
            return tuple(examples)
        return tuple(
            replace(example, demonstrations=self.queries[place % len(self.queries)].demonstrations)
            for place, example in enumerate(examples)
        )

    def _filled(self, example: Example, own: Pieces) -> str:
        """The template up to its label."""
        fields = zip(own.heads, self.fields, strict=True)
        return "".join(head + example.text_of(name) for head, name in fields) + own.until

    def example(self, given: str | Mapping[str, str], label: int | None = None, id: str | None = None) -> Example:
        """An example of this prompt: of one text, or of a text for each field of the template.

        Raises:
            PromptError: a field has no text, or there is no such field.
        """
        texts = {self.fields[0]: given} if isinstance(given, str) and len(self.fields) == 1 else given
        if isinstance(texts, str):
            raise PromptError(f"the template has {len(self.fields)} fields ({in_braces(self.fields)}), not one text")
        missing = next((name for name in self.fields if name not in texts), None)
        if missing is not None:
            raise PromptError(f"there is no text for the field {in_braces([missing])}")
        further = next((name for name in texts if name not in self.fields), None)
        if further is not None:
            raise PromptError(f"the template has no field {quoted(further)}; it has {in_braces(self.fields)}")
        return Example.of({name: texts[name] for name in self.fields}, label, id)

    def uniform(self, text: str) -> Example:
        """A query with the same text in every field, such as one that says nothing."""
        return self.example(dict.fromkeys(self.fields, text))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything but paths, notes, a log's answers and the name: equal prompts give equal results."""
        content = asdict(replace(self, path=None, name="", beta=None, logged=None))
        del content["notes"], content["logged"]
        content["beta"] = self.beta and self.beta.sha256
        if self.calibration is not None:
            del content["calibration"]["model"]
            if self.calibration.votes is None:
                del content["calibration"]["votes"]
        for field in ("calibration", "beta", "retrieval", "instruction_separator", "query_template"):
            if content[field] is None:  # a prompt without them has the hash that it always had
                del content[field]
        if not self.chat:
            del content["chat"]
        if self.fields == ONE:
            del content["fields"]
        for part in ("demonstrations", "queries", "examples"):
            for example in content[part]:
                if example["id"] is None:
                    del example["id"]
                for field in ("fields", "demonstrations"):
                    if not example[field]:
                        del example[field]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @checked
    def with_queries(self, queries: Sequence[Example]) -> Prompt:
        return replace(self, queries=tuple(queries))
