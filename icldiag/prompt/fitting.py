"""Texts that are cut so that the context window holds them: of those that are asked to learn of the prompt alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from icldiag.prompt.encode import encode
from icldiag.prompt.reader import Reader
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.window import lengths

_SPECIAL = 8  # tokens that a tokenizer may put around a text


def beyond(prompt: Prompt, queries: Sequence[Example], reader: Reader) -> list[int]:
    """By how many tokens each of these queries would be longer than the window; 0 where it fits.

    Raises:
        PromptError: they cannot be encoded, for another reason.
    """
    window = reader.context_window
    if window is None or not queries or _most_tokens(prompt, queries) <= window:
        return [0] * len(queries)
    needed = lengths(encode(prompt.with_queries(queries), reader.tokenizer, None, reader.embeddings))
    return [max(0, length - window) for length in needed]


def _most_tokens(prompt: Prompt, queries: Sequence[Example]) -> float:
    """No tokenizer makes more tokens than a text has bytes: most prompts are far from the window, and known to be."""
    if prompt.chat or prompt.per_query or any(query.demonstrations for query in queries):
        return inf  # written with more than the template
    words = max(len(label.word.encode()) for label in prompt.labels)
    own = len(f"{prompt.template}{prompt.query_template or ''}{prompt.separator}".encode()) + words
    before = len(f"{prompt.instruction or ''}{prompt.instruction_separator or prompt.separator}".encode())
    sizes = [sum(len(text.encode()) for text in example.texts) for example in (*prompt.demonstrations, *queries)]
    shown = len(prompt.demonstrations)
    return before + sum(sizes[:shown]) + max(sizes[shown:]) + own * (shown + 1) + _SPECIAL


def fitting(prompt: Prompt, queries: Sequence[Example], reader: Reader) -> tuple[Example, ...]:
    """The same queries, the ends of their texts cut off where the window would be exceeded.

    For texts that are asked only to see what the prompt leans to, or how it reads them: those of random words, the
    demonstrations' own. A text may be longer than every query is.
    """
    found = list(queries)
    for place, over in enumerate(beyond(prompt, found, reader)):
        while over and any(found[place].texts):
            found[place] = _shorter(found[place], max(1, over // 4))
            (over,) = beyond(prompt, [found[place]], reader)
    return tuple(found)


def _shorter(example: Example, words: int) -> Example:
    """Its longest text without its last words; of one word, without the second half of its characters."""
    texts = list(example.texts)
    longest = max(range(len(texts)), key=lambda place: len(texts[place]))
    kept = texts[longest].split()
    cut = texts[longest][: len(texts[longest]) // 2] if len(kept) < 2 else " ".join(kept[: max(1, len(kept) - words)])
    texts[longest] = cut
    names = [name for name, _ in example.fields] or ["text"]
    return Example.of(dict(zip(names, texts, strict=True)), example.label, example.id, example.demonstrations)
