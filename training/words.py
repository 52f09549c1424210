"""The words that stand for classes in training prompts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer

#: Words people use to name classes. Each becomes one token, so that any of them can be a label word.
LABEL_WORDS = tuple(Path(__file__).with_name("label_words.txt").read_text(encoding="utf-8").split())


def one_token_words(tokenizer: Tokenizer, words: Iterable[str] = LABEL_WORDS) -> list[int]:
    """The token ids of those words that, after a space, are a single token; without repeats, in order."""
    encoded = (tokenizer.encode(f" {word}").ids for word in dict.fromkeys(words))
    return [ids[0] for ids in encoded if len(ids) == 1]


def content_words(tokenizer: Tokenizer, shortest: int = 4) -> frozenset[int]:
    """The token ids that are a whole word, or the beginning of one, of at least so many letters."""
    return frozenset(
        token
        for text, token in tokenizer.get_vocab().items()
        if text.startswith("Ġ") and text[1:].isalpha() and len(text) > shortest
    )


def renderings(label: str) -> Sequence[str]:
    """The ways in which a class name may be written as a label word: as it is, in words, and capitalised."""
    words = label.replace("_", " ")
    return tuple(dict.fromkeys((label, words, words[:1].upper() + words[1:], words.title())))
