"""Spans with every kind of tokenizer: never wrong by one. The oracle decodes token ids and knows no offsets."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import transformers

from icldiag.errors import ModelError, PromptError
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Label, Prompt
from tests.tokenizers_made_here import TOKENIZERS

made = cache(lambda kind: TOKENIZERS[kind]())

PROMPT = Prompt(
    name="kinds",
    template="Text: {text}\nLabel:{label}",
    separator="\n\n",
    labels=(Label("good", " Positive"), Label("bad", " Negative")),
    demonstrations=(
        Example("a slow and lovely film", 0),
        Example("Negative or Positive ? dull", 1),  # label words inside the text
        Example(" the naïve é 🙂 park", 0),
    ),
    queries=(Example("the river", 0), Example("", 1), Example("a lovely é", None)),
    instruction="Label the Text:",
    scoring="whole",
)


def bare(text: str) -> str:
    """What all tokenizers keep: letters without case, accents, spaces and markers."""
    plain = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in plain if not c.isspace() and not unicodedata.combining(c) and c != "▁")


def decoded(tokenizer: Any, ids: tuple[int, ...]) -> str:
    text = tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return bare(text.replace(" ##", "").replace("##", ""))


def written(prompt: Prompt, index: int) -> tuple[str, str, str]:
    """What stands before demonstration `index`'s text, that text, and what stands between it and its label word."""
    (before,), between, after = prompt.template_pieces
    text = f"{prompt.instruction}{prompt.separator}"
    for example in prompt.demonstrations[:index]:
        assert example.label is not None
        text += f"{before}{example.text}{between}{prompt.labels[example.label].word}{after}{prompt.separator}"
    return text + before, prompt.demonstrations[index].text, between


def known(tokenizer: Any, text: str) -> str:
    """The text as this tokenizer gives it back: unknown characters become nothing."""
    return decoded(tokenizer, tuple(tokenizer(text, add_special_tokens=False)["input_ids"]))


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_every_span_holds_exactly_its_part(kind: str) -> None:
    tokenizer = made(kind)
    encoded = encode(PROMPT, tokenizer)
    for index, place in enumerate(encoded.demonstrations):
        before, text, between = written(PROMPT, index)
        word = PROMPT.labels[place.label_class].word
        ids = encoded.prefix
        assert decoded(tokenizer, ids[: place.label[0]]) == known(tokenizer, before + text + between)
        assert decoded(tokenizer, ids[slice(*place.label)]) == bare(word)
        assert decoded(tokenizer, ids[: place.text[0]]) == known(tokenizer, before)
        assert decoded(tokenizer, ids[slice(*place.text)]) == known(tokenizer, text)
        # The forerunner is what a label follows, as the target is.
        assert decoded(tokenizer, ids[: place.forerunner + 1]) == known(tokenizer, before + text + between)
        assert ids[slice(*place.label)] == encoded.label_tokens[place.label_class]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_target_is_the_last_token_and_the_label_follows_it(kind: str) -> None:
    tokenizer = made(kind)
    encoded = encode(PROMPT, tokenizer)
    shown = "".join(token.text for token in encoded.tokens)
    for example, query in zip(PROMPT.queries, encoded.queries, strict=True):
        whole = (*encoded.prefix, *query.ids)
        assert query.target == len(whole) - 1
        (before,), between, _ = PROMPT.template_pieces
        prompt_text = written(PROMPT, len(PROMPT.demonstrations) - 1)[0] + _last(PROMPT) + before
        assert decoded(tokenizer, whole) == known(tokenizer, prompt_text + example.text + between)
        assert decoded(tokenizer, whole[slice(*query.text)]) == known(tokenizer, example.text)
        for label, ids in zip(PROMPT.labels, encoded.label_tokens, strict=True):
            direct = tokenizer(prompt_text + example.text + between + label.word)["input_ids"]
            assert tuple(direct[: len(whole) + len(ids)]) == (*whole, *ids)
    # What is shown of the prefix is the user's own text, no character lost or doubled.
    assert (prompt_text + "x").startswith(shown) and shown.rstrip().endswith("Positive")


def _last(prompt: Prompt) -> str:
    example = prompt.demonstrations[-1]
    assert example.label is not None
    return f"{example.text}{prompt.template_pieces[1]}{prompt.labels[example.label].word}{prompt.separator}"


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_space_before_the_label_slot_is_exact_or_refused(kind: str) -> None:
    """Where a tokenizer joins the template's last space with the label word, the target would be off by one."""
    labels = (Label("good", "Positive"), Label("bad", "Negative"))
    prompt = replace(PROMPT, template="Text: {text}\nLabel: {label}", labels=labels)
    tokenizer = made(kind)
    try:
        encoded: EncodedPrompt = encode(prompt, tokenizer)
    except PromptError as error:
        assert "move spaces from before {label} into the label words" in str(error)
        return
    for place in encoded.demonstrations:
        assert decoded(tokenizer, encoded.prefix[slice(*place.label)]) == bare(labels[place.label_class].word)
        assert encoded.prefix[slice(*place.label)] == encoded.label_tokens[place.label_class]


def test_a_tokenizer_without_offsets_is_refused() -> None:
    with pytest.raises(ModelError, match="ByT5Tokenizer gives no character offsets"):
        encode(PROMPT, transformers.ByT5Tokenizer())
