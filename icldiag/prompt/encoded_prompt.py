"""`EncodedPrompt`: a prompt as token ids, and the span of every part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from icldiag.prompt.parts import Role
from icldiag.prompt.schema import Prompt

Span = tuple[int, int]  # half-open [start, stop), in tokens of the whole prompt


class _WithTexts:
    """What has a text in each field of the template."""

    texts: tuple[Span, ...]  # in the order of the prompt's fields; (0, 0) where a text has no token

    @property
    def text(self) -> Span:
        """From the first token of the texts to the last, with what of the template stands between them."""
        spans = [span for span in self.texts if span != (0, 0)]
        return (spans[0][0], spans[-1][1]) if spans else (0, 0)

    @property
    def text_positions(self) -> list[int]:
        """The tokens of the texts alone."""
        return sorted({position for span in self.texts for position in range(*span)})


@dataclass(frozen=True)
class EncodedDemonstration(_WithTexts):
    """Where demonstration `index` lies.

    `anchors` are the tokens of its label word that count as the paper's p_i: the prompt's field `anchor` says whether
    the last (the first to have read the whole word), the first (as the paper) or all of them.
    """

    span: Span
    texts: tuple[Span, ...]
    label: Span
    label_class: int
    anchors: tuple[int, ...]

    @property
    def anchor(self) -> int:
        """The anchor where one position is wanted: the last of `anchors`."""
        return self.anchors[-1]

    @property
    def forerunner(self) -> int:
        """The token before the label word: where a label is predicted, as at the target position."""
        return self.label[0] - 1


@dataclass(frozen=True)
class EncodedQuery(_WithTexts):
    """A query as the model reads it: `ids` follow the shared prefix; positions count in the whole prompt."""

    ids: tuple[int, ...]
    texts: tuple[Span, ...]
    target: int
    votes: tuple[float, ...] | None = None  # (C,) added to its calibrated label scores, in nats


@dataclass(frozen=True)
class Token:
    """One token for showing: `text` is the piece of the user's prompt that it covers, possibly empty.

    `field` is the template's, of a token of a text.
    """

    text: str
    role: Role
    demonstration: int | None
    field: str | None = None


def outscored(prompt: Prompt, label_tokens: Sequence[tuple[int, ...]]) -> tuple[tuple[int, int], ...]:
    """Classes (longer, shorter) of which, scored whole, the longer's tokens begin with all of the shorter's.

    log p(word and more) = log p(word) + log p(more | word) is never above log p(word): the longer can never win.
    """
    if prompt.scoring != "whole":
        return ()
    classes = {tokens: place for place, tokens in enumerate(label_tokens)}
    return tuple(
        (longer, classes[tokens[:count]])
        for longer, tokens in enumerate(label_tokens)
        for count in range(1, len(tokens))
        if tokens[:count] in classes
    )


@dataclass(frozen=True)
class EncodedPrompt:
    """Token ids with spans. All queries share `prefix`, which holds every demonstration."""

    prompt: Prompt
    prefix: tuple[int, ...]
    demonstrations: tuple[EncodedDemonstration, ...]
    template: tuple[int, ...]  # positions of the template's own tokens and the separators in the prefix
    queries: tuple[EncodedQuery, ...]
    label_tokens: tuple[tuple[int, ...], ...]  # per class, the label word's tokens as they follow the target
    tokens: tuple[Token, ...]  # the prefix, for showing
    own_warnings: tuple[str, ...]
    terminated: tuple[tuple[int, ...], ...] | None = None  # `label_tokens` and the first of what ends a label

    #: With `scoring: pmi`, the tokens of what the template writes between the last text and the label, alone: label
    #: words are compared with their probability after these.
    unconditional: tuple[int, ...] | None = None

    ending: str = ""  # what ends a label where it is shown

    def votes(self, queries: Sequence[int]) -> NDArray[np.float64]:
        """(n, C) what is added to the label scores of these queries once they are calibrated."""
        nothing = (0.0,) * len(self.label_tokens)
        return np.array([self.queries[query].votes or nothing for query in queries]).reshape(-1, len(nothing))

    @property
    def scored_tokens(self) -> tuple[tuple[int, ...], ...]:
        """Per class, the tokens that are scored, of which `scoring: first` takes the first."""
        return self.label_tokens if self.terminated is None else self.terminated

    @property
    def outscored(self) -> tuple[tuple[int, int], ...]:
        """Classes (longer, shorter), of which the longer can never win; see `outscored`."""
        return outscored(self.prompt, self.label_tokens)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of how the prompt is encoded, and of what its data files hold besides it."""
        return (*self.own_warnings, *self.prompt.notes)

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt."""
        return len(self.prefix) + max(len(query.ids) for query in self.queries)

    @property
    def anchors(self) -> tuple[int, ...]:
        """One anchor position of every demonstration, in the order of the prompt."""
        return tuple(demonstration.anchor for demonstration in self.demonstrations)

    @property
    def all_anchors(self) -> tuple[tuple[int, ...], ...]:
        """All anchor positions of every demonstration, in the order of the prompt."""
        return tuple(demonstration.anchors for demonstration in self.demonstrations)
