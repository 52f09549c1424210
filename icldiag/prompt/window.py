"""The context window: how many tokens a model must read for a query, and whether it can."""

from __future__ import annotations

from icldiag.errors import PromptError
from icldiag.prompt.encoded_prompt import EncodedPrompt


def lengths(encoded: EncodedPrompt) -> list[int]:
    """Tokens that are read for each query: where words are scored whole, also the longest word's, but for the last."""
    further = 0 if encoded.prompt.scoring == "first" else max(map(len, encoded.scored_tokens)) - 1
    return [len(encoded.prefix) + len(query.ids) + further for query in encoded.queries]


def check_length(encoded: EncodedPrompt, window: int | None) -> None:
    """Raises PromptError: a query's prompt is longer than the window; it says which, and the cure."""
    needed = lengths(encoded)
    index = max(range(len(needed)), key=needed.__getitem__)
    if window is None or needed[index] <= window:
        return
    own, before = len(encoded.queries[index].ids), len(encoded.prefix)
    more = needed[index] - own - before  # of the longest label word
    cure = f"use fewer or shorter demonstrations (they take {before} tokens)"
    if own > window or own > before:
        cure = f"shorten that query (it takes {own} tokens)"
    if more > max(own, before):
        cure = f"shorten the longest label word (it takes {more + 1} tokens)"
    word = ", its label word included" if more else ""
    raise PromptError(
        f"query {index + 1} makes a prompt of {needed[index]} tokens{word}; the model's "
        f"context window has {window}; {cure}, or use a model with a longer window",
        path=encoded.prompt.path,
        field=f"queries[{index}]",
    )
