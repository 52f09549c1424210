"""Which tokens a label is scored by: its word's, what ends it, and what it is asked after on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from icldiag.errors import PromptError
from icldiag.prompt.parts import Parts, text_of
from icldiag.prompt.schema import Prompt
from icldiag.prompt.template import in_braces
from icldiag.prompt.tokenized import Tokenized, tokenize
from icldiag.quoting import quoted


def label_tokens_of(prompt: Prompt, tokenizer: Any, parts: Parts, query: Tokenized) -> tuple[tuple[int, ...], ...]:
    """Each label word's tokens as they would follow the target position."""
    rows = tokenize(tokenizer, [parts.texts()[0] + word for word in parts.words], parts.in_turns)
    found: list[tuple[int, ...]] = []
    for label, row in zip(prompt.labels, rows, strict=True):
        if row.ids[: len(query.ids)] != query.ids:
            raise PromptError(
                f"the tokenizer joins the end of the template with the label word {quoted(label.word)}, so the "
                "model would never be asked for it; move spaces from before {label} into the label words",
                path=prompt.path,
                field="template",
            )
        ids = tuple(row.ids[len(query.ids) :])
        if not ids:
            raise PromptError(
                f"the label word of {quoted(label.name)} tokenizes to nothing; write another word",
                path=prompt.path,
                field="labels",
            )
        found.append(ids)
    _check_first_tokens(prompt, found)
    return tuple(found)


def terminated_tokens(
    prompt: Prompt, tokenizer: Any, parts: Parts, query: Tokenized, label_tokens: Sequence[tuple[int, ...]]
) -> tuple[tuple[int, ...], ...]:
    """Each label's tokens with the first of what ends it in a demonstration, so that no label begins another.

    Raises:
        PromptError: nothing ends a label, or the tokens of one begin another's all the same.
    """
    end = parts.ending
    if not end:
        reason = "nothing ends a label: write a separator, or text after {label}, or set another scoring"
        raise PromptError(reason, path=prompt.path, field="scoring")
    rows = tokenize(tokenizer, [parts.texts()[0] + word + end for word in parts.words], parts.in_turns)
    found = []
    for tokens, row in zip(label_tokens, rows, strict=True):
        ids = tuple(row.ids[len(query.ids) :])
        found.append(ids[: len(tokens) + 1] if ids[: len(tokens)] == tokens else ids)
    for tokens, label in zip(found, prompt.labels, strict=True):
        if any(other is not tokens and other[: len(tokens)] == tokens for other in found):
            reason = f"{quoted(label.name)} begins another label even with what ends it; change one label word"
            raise PromptError(reason, path=prompt.path, field="labels")
    return tuple(found)


def unconditional_tokens(prompt: Prompt, tokenizer: Any, parts: Parts) -> tuple[int, ...]:
    """What stands between the last text and the label, without the line break before it, as a prompt of its own.

    Raises:
        PromptError: nothing stands there.
    """
    query = parts.queries[0]
    last = max(place for place, part in enumerate(query) if part.role == "text")
    text = text_of(query[last + 1 :]).lstrip()
    if not text:
        told = f"nothing stands between {in_braces(prompt.fields[-1:])} and {{label}}"
        reason = f"{told}, after which 'scoring: pmi' asks for the label words alone; write text there, or 'Answer:'"
        raise PromptError(reason, path=prompt.path, field="template")
    (row,) = tokenize(tokenizer, [text], parts.in_turns)
    return tuple(row.ids)


def _check_first_tokens(prompt: Prompt, label_tokens: Sequence[tuple[int, ...]]) -> None:
    for j, tokens in enumerate(label_tokens):
        for i in range(j):
            rival = label_tokens[i]
            names = f"{quoted(prompt.labels[i].name)} and {quoted(prompt.labels[j].name)}"
            if tokens == rival:
                raise PromptError(f"{names} tokenize alike; change one label word", path=prompt.path, field="labels")
            if prompt.scoring == "first" and tokens[0] == rival[0]:
                raise PromptError(
                    f"{names} begin with the same token, so the first token cannot tell them apart; "
                    f"set 'scoring: {_telling_apart(label_tokens)}' or change one label word",
                    path=prompt.path,
                    field="labels",
                )


def _telling_apart(label_tokens: Sequence[tuple[int, ...]]) -> str:
    """The scoring that can choose any of the labels: by whole words the longer of two that begin alike never wins."""
    pairs = ((one, other) for one in label_tokens for other in label_tokens if one != other)
    return "terminated" if any(other[: len(one)] == one for one, other in pairs) else "whole"
