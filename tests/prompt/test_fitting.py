"""Texts that are cut so that the context window holds them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.encode import encode
from icldiag.prompt.fitting import beyond, fitting
from icldiag.prompt.reader import Reader
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.window import lengths
from tests.conftest import tiny_tokenizer

LONG = Example("Where does the very last of all these rivers meet the cold and deep and rather windy sea ?", 1)


def reader_of(prompt: Prompt, window: int | None = None) -> Reader:
    """With a window that holds this prompt and no token more."""
    tokenizer = tiny_tokenizer()
    return Reader(tokenizer, window or max(lengths(encode(prompt, tokenizer))), None)


def test_what_fits_stays_and_what_does_not_loses_the_end_of_its_longest_text(prompt: Prompt) -> None:
    reader = reader_of(prompt)
    queries = (*prompt.queries, LONG)
    assert beyond(prompt, queries, reader)[:-1] == [0] * len(prompt.queries) and beyond(prompt, [LONG], reader)[0] > 0
    *same, cut = fitting(prompt, queries, reader)
    assert tuple(same) == prompt.queries
    assert LONG.text.startswith(cut.text) and 0 < len(cut.text) < len(LONG.text) and cut.label == LONG.label
    assert encode(prompt.with_queries([cut]), *reader).longest <= (reader.context_window or 0)


def test_a_text_without_spaces_is_cut_too(prompt: Prompt) -> None:
    reader = reader_of(prompt)
    (cut,) = fitting(prompt, [Example("riverriverriver" * 9, None)], reader)
    assert 0 < len(cut.text) < 9 * 15


def test_of_several_fields_the_longest_is_cut() -> None:
    prompt = Prompt(
        name="two",
        template="{head} / {body} :{label}",
        fields=("head", "body"),
        separator="\n",
        labels=(Label("a", " a"), Label("b", " b")),
        demonstrations=(Example.of({"head": "one", "body": "two"}, 0),),
        queries=(Example.of({"head": "one", "body": "two three"}, None),),
    )
    (cut,) = fitting(prompt, [Example.of({"head": "one", "body": "two three four"}, 1)], reader_of(prompt))
    assert dict(cut.fields)["head"] == "one" and dict(cut.fields)["body"] in ("two three", "two") and cut.label == 1


def test_a_far_window_asks_no_tokenizer(prompt: Prompt) -> None:
    assert beyond(prompt, [LONG], Reader(None, 100_000, None)) == [0]
    assert beyond(prompt, [LONG], Reader(None, None, None)) == [0]


def test_where_words_are_scored_whole_the_window_must_hold_them_too(prompt: Prompt) -> None:
    """They are read after the query, but for their last token."""
    first, *others = prompt.labels
    prompt = replace(prompt, labels=(replace(first, word=" Somebody in the opera"), *others))
    whole = replace(prompt, scoring="whole")
    tokenizer = tiny_tokenizer()
    words = max(len(tokens) for tokens in encode(whole, tokenizer).label_tokens)
    window = encode(prompt, tokenizer).longest
    encode(prompt, tokenizer, window)
    encode(whole, tokenizer, window + words - 1)
    with pytest.raises(PromptError, match="tokens, its label word included; the model's context window has"):
        encode(whole, tokenizer, window + words - 2)
