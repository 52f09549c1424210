"""A report that others may read: label names, ids, places and numbers, and no text of the user.

A field that holds such texts says so (`PRIVATE`); what stands there is replaced before anything is written. Finished
sentences may still quote a text, so quotations go as well, and whole texts wherever they are found.
"""

from __future__ import annotations

import re
from dataclasses import Field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from icldiag.analyses.analysis import Context
from icldiag.page.blocks import Piece
from icldiag.private import OMITTED, PRIVATE
from icldiag.prompt.fields import PromptFields
from icldiag.prompt.schema import Prompt
from icldiag.prompt.template import ONE

T = TypeVar("T")

HIDDEN = "(text)"
_TOKEN = "_ "
_QUOTATION = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|“[^”\n]*”|(?<!\w)\"[^\"\n]*\"(?!\w)")


class Redaction:
    """What stands for the texts of one prompt: its place for a demonstration or a query, its class for a label word."""

    def __init__(self, prompt: Prompt) -> None:
        parts = (prompt.template, prompt.query_template, prompt.instruction)
        self.names = {text: HIDDEN for text in (*parts, prompt.separator, prompt.instruction_separator) if text}
        for own in (prompt.template_pieces, prompt.query_pieces):
            self.names |= {piece: HIDDEN for piece in (*own.heads, own.until, own.after) if piece.strip()}
        for kind, examples in (
            ("example", prompt.examples),
            ("demonstration", prompt.demonstrations),
            ("query", prompt.queries),
        ):
            for place, example in enumerate(examples, start=1):
                self.names |= dict.fromkeys((*example.texts, example.text), f"{kind} {place}")
                for number, shown in enumerate(example.demonstrations, start=1):
                    hidden = f"demonstration {number} of {kind} {place}"
                    self.names |= {text: self.names.get(text, hidden) for text in (*shown.texts, shown.text)}
        if prompt.fields != ONE:
            self.names |= {name: f"field {place}" for place, name in enumerate(prompt.fields, start=1)}
        self.names |= {label.word: label.name for label in prompt.labels}
        ours = set(PromptFields.model_fields) - set(self.names)
        self.kept = {*prompt.label_names, *self.names.values(), *ours}
        self.prompt = replace(
            self.shown(prompt),
            name="prompt",
            template="{text}{label}",
            fields=ONE,
            query_template=None,
            instruction=None if prompt.instruction is None else HIDDEN,
            separator=HIDDEN,
            instruction_separator=None,
            path=None,
            notes=(),
        )

    def shown(self, value: T) -> T:
        """The value with every text in it replaced; arrays and functions are as they were."""
        return self._shown(value)  # type: ignore[no-any-return]

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.sentence(value)
        if isinstance(value, dict):
            return {key: self._shown(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            members = [self._shown(member) for member in value]
            return type(value)(*members) if hasattr(value, "_fields") else type(value)(members)
        if is_dataclass(value) and not isinstance(value, type):
            named = {field: getattr(value, field.name) for field in fields(value) if field.init}
            return replace(value, **{field.name: self._member(field, member) for field, member in named.items()})
        return value

    def _member(self, field: Field[Any], value: Any) -> Any:
        """Of a dataclass."""
        if field.metadata == OMITTED:
            return ()
        return self._name(value) if field.metadata == PRIVATE else self._shown(value)

    def _name(self, value: Any) -> Any:
        """In place of a private text, or of many."""
        if isinstance(value, str):
            return self.names.get(value, HIDDEN)
        return tuple(map(self._name, value)) if isinstance(value, list | tuple) else value

    def sentence(self, text: str) -> str:
        """Words of ours, without what they quote."""
        if text in self.names:
            return self.names[text]
        whole = self._whole.sub(lambda match: self.names[match[0]], text) if self._whole else text
        return _QUOTATION.sub(lambda match: match[0] if match[0][1:-1] in self.kept else HIDDEN, whole)

    @cached_property
    def _whole(self) -> re.Pattern[str] | None:
        """Texts of several words; a single word is found where it is quoted or alone, and may be ours elsewhere."""
        texts = sorted((text for text in self.names if len(text.split()) > 1), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, texts))) if texts else None

    def context(self, context: Context) -> Context:
        """What sections are told, without the texts: a token is a sign for its place."""

        def pieces(query: int) -> tuple[Piece, ...]:
            return tuple(replace(piece, text=_TOKEN, token_id=None) for piece in context.pieces(query))

        def tokens(query: int) -> tuple[str, ...]:
            return tuple(HIDDEN for _ in context.token_texts(query))

        prediction = self.shown(context.prediction)
        return replace(context, prompt=self.prompt, prediction=prediction, pieces=pieces, token_texts=tokens)
