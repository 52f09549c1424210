"""Prompt + tokenizer -> EncodedPrompt: token ids, and the span of every part of the prompt.

Spans come from the tokenizer's character offsets, never from searching for token ids, so that any template and any
fast tokenizer works, and a label word that also occurs in a text is never mistaken for an anchor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from icldiag.errors import PromptError
from icldiag.indices import query_index
from icldiag.prompt.chat import chat_parts
from icldiag.prompt.encoded_prompt import EncodedDemonstration, EncodedPrompt, EncodedQuery, Token
from icldiag.prompt.encoding_warnings import encoding_warnings
from icldiag.prompt.label_tokens import label_tokens_of, terminated_tokens, unconditional_tokens
from icldiag.prompt.parts import Part, Parts, plain_parts, starts_of, text_of
from icldiag.prompt.reader import require_embeddings
from icldiag.prompt.schema import Prompt
from icldiag.prompt.special_tokens import special_token_warnings
from icldiag.prompt.template import in_braces
from icldiag.prompt.tokenized import Tokenized, tokenize
from icldiag.prompt.window import check_length
from icldiag.quoting import quoted


def encode(
    prompt: Prompt, tokenizer: Any, context_window: int | None = None, embeddings: int | None = None
) -> EncodedPrompt:
    """Tokenize the whole prompt for each query and find every span.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        context_window: the longest sequence the model takes, in tokens; None where it has no limit.
        embeddings: how many tokens the model knows; None where it knows all.

    Raises:
        PromptError: a prompt longer than the context window, a token that the model does not know, no query, a
            label word without tokens or, with first-token scoring, two label words with the same first token; each
            names the cure.
        ModelError: the tokenizer gives no character offsets, or fails.
    """
    if not prompt.queries:
        raise PromptError("there are no queries; write at least one", path=prompt.path, field="queries")
    parts = prompt_parts(prompt, tokenizer)
    shown, texts = parts.shown, parts.texts()
    prefix_characters = len(text_of(shown))
    whole = tokenize(tokenizer, texts, parts.in_turns)

    starts = starts_of(shown)
    ends = [start + len(part.text) for part, start in zip(shown, starts, strict=True) if part.role == "label"]
    shared = _shared_length(whole, prefix_characters)
    first = whole[0]
    if ends and shared < first.span(0, max(ends))[1]:
        raise PromptError(
            "the tokenizer joins the last label word with the text after it; end the separator with a line break",
            path=prompt.path,
            field="separator",
        )

    demonstrations = _demonstrations(prompt, shown, starts, first)
    label_tokens = label_tokens_of(prompt, tokenizer, parts, first)
    tokens = _tokens(shown, starts, first, shared)
    terminated = (
        terminated_tokens(prompt, tokenizer, parts, first, label_tokens) if prompt.scoring == "terminated" else None
    )
    encoded = EncodedPrompt(
        prompt=prompt,
        prefix=tuple(first.ids[:shared]),
        demonstrations=demonstrations,
        template=tuple(i for i, token in enumerate(tokens) if token.role in ("template", "separator")),
        queries=tuple(
            _encoded_query(own, prefix_characters, shared, row, prompt.votes(query))
            for query, own, row in zip(prompt.queries, parts.queries, whole, strict=True)
        ),
        label_tokens=label_tokens,
        tokens=tokens,
        terminated=terminated,
        ending=parts.ending,
        unconditional=unconditional_tokens(prompt, tokenizer, parts) if prompt.scoring == "pmi" else None,
        own_warnings=(
            *parts.warnings,
            *special_token_warnings(prompt, parts, tokenizer),
            *encoding_warnings(prompt, demonstrations, label_tokens, first.ids),
        ),
    )
    check_length(encoded, context_window)
    require_embeddings(encoded, tokenizer, embeddings)
    return encoded


def query_tokens(encoded: EncodedPrompt, tokenizer: Any, index: int) -> tuple[Token, ...]:
    """The tokens of query `index` after the shared prefix, for showing. Raises AnalysisError: there is none."""
    prompt = encoded.prompt
    index = query_index(index, len(prompt.queries))
    parts = prompt_parts(prompt.with_queries([prompt.queries[index]]), tokenizer)
    written = (*parts.shown, *parts.queries[0])
    row = tokenize(tokenizer, parts.texts(), parts.in_turns)[0]
    return _tokens(written, starts_of(written), row, len(row.ids))[len(encoded.prefix) :]


def query_parts(prompt: Prompt, index: int) -> tuple[Token, ...]:
    """What `query_tokens` covers, undivided, for showing where there is no tokenizer; so without a chat's turns."""
    index = query_index(index, len(prompt.queries))
    parts = plain_parts(prompt.with_queries([prompt.queries[index]])).queries[0]
    return tuple(Token(part.text, part.role, None, part.field) for part in parts if part.text)


def prompt_parts(prompt: Prompt, tokenizer: Any) -> Parts:
    """The prompt's text in parts, as it is written for this tokenizer's model. Raises PromptError; see `chat_parts`."""
    return chat_parts(prompt, tokenizer) if prompt.chat else plain_parts(prompt)


def _shared_length(whole: Sequence[Tokenized], prefix_characters: int) -> int:
    """Tokens that all prompts begin with, no further than the demonstrations, and leaving each query at least one."""
    first = whole[0]
    ends = zip(first.offsets, first.special, strict=True)
    within = sum(special or stop <= prefix_characters for (_, stop), special in ends)
    limit = min([within, *(len(row.ids) - 1 for row in whole)])
    for row in whole[1:]:
        limit = next((i for i in range(limit) if row.ids[i] != first.ids[i]), limit)
    return limit


def _demonstrations(
    prompt: Prompt, shown: Sequence[Part], starts: Sequence[int], row: Tokenized
) -> tuple[EncodedDemonstration, ...]:
    found = []
    for index, example in enumerate(prompt.demonstrations):
        mine = [
            (part, start, start + len(part.text))
            for part, start in zip(shown, starts, strict=True)
            if part.demonstration == index and part.role != "separator"
        ]
        label = next(row.span(start, stop) for part, start, stop in mine if part.role == "label")
        if label == (0, 0) or label[0] == 0:
            name = prompt.labels[example.known_label].name
            raise PromptError(
                f"the label word of {quoted(name)} has no token of its own in demonstration {index + 1}; "
                f"write another word or put text between {in_braces(prompt.fields[-1:])} and {{label}}",
                path=prompt.path,
                field="labels",
            )
        span = row.span(mine[0][1], mine[-1][2])
        texts = tuple(row.span(start, stop) for part, start, stop in mine if part.role == "text")
        anchors = {"first": label[:1], "last": (label[1] - 1,), "all": tuple(range(*label))}[prompt.anchor]
        found.append(EncodedDemonstration(span, texts, label, example.known_label, anchors))
    return tuple(found)


def _encoded_query(
    parts: Sequence[Part], prefix_characters: int, shared: int, row: Tokenized, votes: tuple[float, ...] | None
) -> EncodedQuery:
    places = zip(parts, starts_of(parts), strict=True)
    texts = tuple(
        row.span(prefix_characters + start, prefix_characters + start + len(part.text))
        for part, start in places
        if part.role == "text"
    )
    return EncodedQuery(tuple(row.ids[shared:]), texts, len(row.ids) - 1, votes)


def _tokens(shown: Sequence[Part], starts: Sequence[int], row: Tokenized, count: int) -> tuple[Token, ...]:
    """Give each token its role: that of the last part it overlaps, so that ' What' belongs to the text."""
    text = text_of(shown)
    tokens, part, reached = [], 0, 0
    for index in range(count):
        _, stop = row.offsets[index]
        if row.special[index]:
            tokens.append(Token("", "special", None))
            continue
        stop = min(stop, len(text))
        while part + 1 < len(shown) and starts[part + 1] < stop:
            part += 1
        # A tokenizer may trim the space from an offset: show the characters since the token before, so none is lost.
        # Tokens may share characters (the bytes of an emoji, a space marker put in front): the last of them shows it.
        following = row.offsets[index + 1][0] if index + 1 < len(row.offsets) and not row.special[index + 1] else stop
        until = max(reached, min(stop, following))
        own = shown[part]
        tokens.append(Token(text[reached:until], own.role, own.demonstration, own.field))
        reached = until
    return tuple(tokens)
