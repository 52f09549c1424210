"""Spans: exact for any template and tokenizer, and refusals where they could not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from icldiag.errors import ModelError, PromptError
from icldiag.prompt.encode import encode, query_tokens
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Label, Prompt
from tests.conftest import tiny_tokenizer


def word_tokenizer(*, bos: bool) -> Any:
    """One token a word, spaces dropped, as WordPiece-like tokenizers do; optionally with a first token."""
    words = [
        "<bos>",
        "<unk>",
        "Question",
        ":",
        "Answer",
        "Type",
        "Who",
        "Where",
        "?",
        "Person",
        "Location",
        "Number",
        "x",
    ]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", unk_token="<unk>")


def spelled(encoded: EncodedPrompt, tokenizer: Any, span: tuple[int, int]) -> str:
    return str(tokenizer.decode(list(encoded.prefix[slice(*span)])))


def test_spans_spell_their_parts(prompt: Prompt) -> None:
    tokenizer = tiny_tokenizer()
    encoded = encode(prompt, tokenizer)
    for example, place in zip(prompt.demonstrations, encoded.demonstrations, strict=True):
        assert example.label is not None
        word = prompt.labels[example.label].word
        assert spelled(encoded, tokenizer, place.label) == word
        assert spelled(encoded, tokenizer, place.text).strip() == example.text
        assert spelled(encoded, tokenizer, place.span) == f"Question: {example.text}\nAnswer Type:{word}"
        assert spelled(encoded, tokenizer, (place.forerunner, place.forerunner + 1)) == ":"
        assert place.anchor == place.label[0]


def test_prefix_and_queries_make_the_whole_prompt(prompt: Prompt) -> None:
    tokenizer = tiny_tokenizer()
    encoded = encode(replace(prompt, instruction="Say what is asked for."), tokenizer)
    words = [prompt.labels[d.label or 0].word for d in prompt.demonstrations]
    texts = [d.text for d in prompt.demonstrations]
    shown = "\n".join(f"Question: {text}\nAnswer Type:{word}" for text, word in zip(texts, words, strict=True))
    for query, ids in zip(prompt.queries, encoded.queries, strict=True):
        text = f"Say what is asked for.\n{shown}\nQuestion: {query.text}\nAnswer Type:"
        assert [*encoded.prefix, *ids.ids] == tokenizer(text)["input_ids"]
        assert ids.target == len(encoded.prefix) + len(ids.ids) - 1


def test_every_character_is_shown_once(prompt: Prompt) -> None:
    encoded = encode(prompt, tiny_tokenizer())
    shown = "".join(token.text for token in encoded.tokens)
    assert shown.startswith("Question: Who wrote the opera in the park ?\nAnswer Type: Person\n")
    assert [token.role for token in encoded.tokens if token.text == ":"].count("template") == 8
    last = query_tokens(encoded, tiny_tokenizer(), 1)
    assert "".join(token.text for token in last) == f"Question: {prompt.queries[1].text}\nAnswer Type:"


def test_a_label_word_inside_a_text_is_no_anchor(prompt: Prompt) -> None:
    first = replace(prompt.demonstrations[0], text="Answer Type: Person\nQuestion: Location")
    encoded = encode(replace(prompt, demonstrations=(first, *prompt.demonstrations[1:])), tiny_tokenizer())
    assert len(encoded.anchors) == 4
    assert encoded.demonstrations[0].anchor > encoded.demonstrations[0].text[1]


@pytest.mark.parametrize("text", ["", " ", "\U0001f600 naïve \u202e", "\n\n", "<|end|>", "a" * 300])
def test_any_text_encodes(prompt: Prompt, text: str) -> None:
    tokenizer = tiny_tokenizer()
    demonstrations = (replace(prompt.demonstrations[0], text=text), *prompt.demonstrations[1:])
    changed = replace(prompt, demonstrations=demonstrations, queries=(Example(text, 0), *prompt.queries))
    encoded = encode(changed, tokenizer)
    assert spelled(encoded, tokenizer, encoded.demonstrations[0].label) == " Person"
    assert encoded.queries[0].ids[-1] == tokenizer(":")["input_ids"][0]


@pytest.mark.parametrize("template", ["{text}\n\n{label}", "[{text}]->{label};", "{text}{label}", "é{text}|{label} !"])
@pytest.mark.parametrize("separator", ["\n", "\n\n", " ### "])
def test_any_template_and_separator(prompt: Prompt, template: str, separator: str) -> None:
    tokenizer = tiny_tokenizer()
    encoded = encode(replace(prompt, template=template, separator=separator), tokenizer)
    for example, place in zip(prompt.demonstrations, encoded.demonstrations, strict=True):
        assert spelled(encoded, tokenizer, place.label).strip() == prompt.labels[example.label or 0].name


@pytest.mark.parametrize("bos", [False, True])
def test_a_tokenizer_that_drops_spaces(bos: bool) -> None:
    prompt = Prompt(
        "words",
        "Question: {text}\nAnswer Type:{label}",
        "\n",
        (Label("Person", " Person"), Label("Location", " Location")),
        (Example("Who ?", 0), Example("Where ?", 1)),
        (Example("Who x ?", 0),),
    )
    encoded = encode(prompt, word_tokenizer(bos=bos))
    first = 1 if bos else 0
    assert encoded.demonstrations[0].span == (first, first + 8)
    assert encoded.demonstrations[0].label == (first + 7, first + 8)
    assert encoded.label_tokens == ((9,), (10,))
    assert (encoded.tokens[0].role == "special") is bos


def test_a_tokenizer_without_offsets_is_refused(prompt: Prompt) -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match=r"character offsets.*tokenizer\.json"):
        encode(prompt, Slow())


def test_two_labels_with_the_same_first_token(prompt: Prompt) -> None:
    words = (Label("a", " Person Person"), Label("b", " Person Location"), Label("c", " Number"))
    with pytest.raises(PromptError, match=r"'a' and 'b' begin with the same token.*scoring: whole"):
        encode(replace(prompt, labels=words), tiny_tokenizer())
    encoded = encode(replace(prompt, labels=words, scoring="whole", anchor="first"), tiny_tokenizer())
    assert len(encoded.label_tokens[0]) == 2
    assert any("same token" in warning for warning in encoded.warnings)
    begun = (words[0], Label("b", " Person"), words[2])
    with pytest.raises(PromptError, match=r"begin with the same token.*scoring: terminated"):
        encode(replace(prompt, labels=begun), tiny_tokenizer())


def test_a_template_that_eats_the_label_words_space(prompt: Prompt) -> None:
    labels = tuple(Label(label.name, label.name) for label in prompt.labels)
    with pytest.raises(PromptError, match=r"move spaces from before \{label\}"):
        encode(replace(prompt, template="Question: {text}\nAnswer Type: {label}", labels=labels), tiny_tokenizer())


def test_a_label_that_tokenizes_to_nothing(prompt: Prompt) -> None:
    labels = (Label("Person", "\u200b"), *prompt.labels[1:])
    with pytest.raises(PromptError, match="'Person'"):
        encode(replace(prompt, labels=labels), word_without("\u200b"))


def word_without(dropped: str) -> Any:
    from tokenizers import normalizers

    tokenizer = word_tokenizer(bos=False)
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace(dropped, "")
    return tokenizer


def test_too_long_names_the_query_and_the_cure(prompt: Prompt) -> None:
    with pytest.raises(PromptError, match=r"query 2 makes a prompt of \d+ tokens.*context window has 60; use fewer"):
        encode(prompt, tiny_tokenizer(), 60)
    long = replace(prompt.queries[1], text="river " * 90)
    with pytest.raises(PromptError, match=r"query 2 makes .*; shorten that query \(it takes 9\d tokens\)"):
        encode(prompt.with_queries((prompt.queries[0], long)), tiny_tokenizer(), 60)


def test_a_class_without_demonstration_is_a_warning(prompt: Prompt) -> None:
    kept = tuple(d for d in prompt.demonstrations if d.label != 2)
    assert "no demonstration of Number" in encode(replace(prompt, demonstrations=kept), tiny_tokenizer()).warnings[0]


@pytest.mark.parametrize(("anchor", "verb"), [("first", "begin"), ("last", "end")])
def test_the_anchor_is_what_the_prompt_says(anchor: str, verb: str, prompt: Prompt) -> None:
    words = (Label("a", " sea park"), Label("b", " sea bridges cross"), Label("c", " river park"))
    several = replace(prompt, labels=words, scoring="whole")
    spans = [d.label for d in encode(several, tiny_tokenizer()).demonstrations]
    assert all(stop - start > 1 for start, stop in spans)
    assert encode(several, tiny_tokenizer()).anchors == tuple(stop - 1 for _, stop in spans)  # the default: last
    every = encode(replace(several, anchor="all"), tiny_tokenizer())
    assert every.all_anchors == tuple(tuple(range(*span)) for span in spans)
    assert not any("same token" in warning for warning in every.warnings)
    one = encode(replace(several, anchor=anchor), tiny_tokenizer())  # type: ignore[arg-type]
    assert one.anchors == tuple(start if anchor == "first" else stop - 1 for start, stop in spans)
    assert one.demonstrations[0].forerunner == spans[0][0] - 1
    assert [f"{verb} with the same token" in warning for warning in one.warnings].count(True) == 1


@pytest.mark.parametrize("scoring", ["whole", "first"])
def test_words_that_begin_others_are_told_where_they_are_scored_whole(prompt: Prompt, scoring: Any) -> None:
    words = (" Person", " Location Person", " Location", " Location Person Number")
    labels = tuple(Label(word.strip(), word) for word in words)
    prompt = replace(prompt, labels=labels, scoring=scoring)
    if scoring == "first":
        with pytest.raises(PromptError, match="begin with the same token"):
            encode(prompt, tiny_tokenizer())
        return
    (told,) = [warning for warning in encode(prompt, tiny_tokenizer()).warnings if "scored whole" in warning]
    assert told.startswith("'Location Person' begins with the tokens of 'Location', 'Location Person Number' begins")
    assert "each longer one can never be more probable and is never predicted without a calibration" in told


def test_many_such_words_are_folded(prompt: Prompt) -> None:
    words = [" Person" + " Person" * count for count in range(5)]
    prompt = replace(prompt, labels=tuple(Label(word.strip(), word) for word in words), scoring="whole")
    (told,) = [warning for warning in encode(prompt, tiny_tokenizer()).warnings if "scored whole" in warning]
    assert told.count("begins with") == 3
    assert ", and so do 7 more: scored whole" in told
    other = tuple(Label(word, f" {word}") for word in ("Person", "Location", "Number"))
    plain = encode(replace(prompt, labels=other, demonstrations=prompt.demonstrations[:2]), tiny_tokenizer())
    assert not any("scored whole" in warning for warning in plain.warnings)
