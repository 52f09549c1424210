"""A doubled space before the label is warned of, where it is one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Label, Prompt
from icldiag.prompt.spaces import space_warnings
from tests.conftest import tiny_tokenizer


@pytest.mark.parametrize(
    ("template", "word", "doubled"),
    [
        ("Question: {text}\nType: {label}", " Person", True),
        ("Question: {text}\nType:\t{label}", " Person", True),
        ("Question: {text}\nType:{label}", " Person", False),
        ("Question: {text}\nType: {label}", "Person", False),
        ("Question: {text}\n{label}", " Person", False),
        ("{text} {label}", " Person", True),
    ],
)
def test_two_spaces_meet(template: str, word: str, doubled: bool, prompt: Prompt) -> None:
    labels = tuple(Label(label.name, word if number == 0 else label.name) for number, label in enumerate(prompt.labels))
    changed = replace(prompt, template=template, labels=labels)
    assert word in changed.written("?")
    assert ("  " in changed.written("?").replace("\t", " ")) == doubled
    assert bool(list(space_warnings(changed))) == doubled


def test_the_warning_names_the_cure_and_comes_with_the_encoding(prompt: Prompt) -> None:
    labels = tuple(Label(label.name, " " + label.name) for label in prompt.labels)
    changed = replace(prompt, template="Question: {text}\nType: {label}", labels=labels)
    (told,) = [warning for warning in encode(changed, tiny_tokenizer()).warnings if "reads two" in warning]
    assert "write 'Type:{label}'" in told
    queries = replace(changed, template="Question: {text}\nType:{label}", query_template="Q: {text} {label}")
    (told,) = list(space_warnings(queries))
    assert told.startswith("the query template has a space before {label}")


def test_label_words_with_spaces_of_their_own(prompt: Prompt) -> None:
    words = ("  Person", " Location", " Number ")
    labels = tuple(replace(label, word=word) for label, word in zip(prompt.labels, words, strict=True))
    begins, ends = space_warnings(replace(prompt, labels=labels))
    assert "the label word '  Person' begins with 2 spaces; a list of labels writes one" in begins
    assert "so write 'Person' there" in begins
    assert "the label word ' Number ' ends with a space, which is scored as a part of it; write ' Number'" in ends
    alike = tuple(replace(label, word="  " + label.name) for label in prompt.labels)
    (folded,) = space_warnings(replace(prompt, labels=alike))
    assert "2 spaces, and so do 2 more" in folded
