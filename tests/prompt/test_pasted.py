"""Prompts as plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.pasted import import_text
from icldiag.prompt.schema import Example, Label, read_prompt
from icldiag.prompt.write import as_yaml
from tests.prompt.test_splitting import INLINE, REVIEWS


@pytest.mark.parametrize("end", ["", "\n", "\n\n", " ", " \n", "\r\n"])
def test_a_pasted_prompt_is_written_back_as_it_was(end: str) -> None:
    for text in (REVIEWS, "Judge.\n\n" + REVIEWS, "Judge: " + REVIEWS, INLINE):
        prompt = import_text(text + end)
        assert prompt.written(prompt.queries[0].text) == text
        assert prompt.labels == (Label("positive", " positive"), Label("negative", " negative"))
        assert [example.label for example in prompt.demonstrations] == [0, 1]
        assert prompt.queries == (Example("I liked it", None),)


def test_windows_line_ends() -> None:
    assert import_text(REVIEWS.replace("\n", "\r\n")) == import_text(REVIEWS)


def test_it_survives_being_written_and_read(tmp_path: Path) -> None:
    prompt = import_text("Judge:\n" + REVIEWS, tmp_path / "films.txt")
    path = tmp_path / "films.yaml"
    path.write_text(as_yaml(prompt))
    assert read_prompt(path).hash == prompt.hash
    assert read_prompt(path).name == "films"


def test_a_template_and_a_separator_can_be_given() -> None:
    text = "one. Answer: 1\ntwo. Answer: 0\nthree. Answer:"
    assert import_text(text).template == "{text} Answer:{label}"
    prompt = import_text(text, template="{text}. Answer:{label}", separator="\n")
    assert prompt.template == "{text}. Answer:{label}"
    assert [example.text for example in prompt.demonstrations] == ["one", "two"]
    assert prompt.written("three") == text


def test_labels_on_a_line_of_their_own() -> None:
    text = "a\nAnswer:\ngood\n\nb\nAnswer:\nbad\n\nc\nAnswer:"
    prompt = import_text(text + "\n")
    assert [label.word for label in prompt.labels] == ["\ngood", "\nbad"]
    assert prompt.written("c") == text


def test_more_labels() -> None:
    text = "a => good\nb =>"
    with pytest.raises(PromptError, match="all demonstrations have the label 'good'"):
        import_text(text)
    assert import_text(text, more_labels=["bad"]).labels == (Label("good", " good"), Label("bad", " bad"))


@pytest.mark.parametrize(
    ("text", "template", "words"),
    [
        ("", None, "asks for a label as its end does"),
        ("hello", None, "asks for a label as its end does: 'hello'"),
        (REVIEWS + " positive", None, "asks for a label as its end does"),
        (REVIEWS, "Text: {text}\nLabel:{label}", "has not this template"),
        (REVIEWS, "{label} {text}", "--template needs {text}, and after it {label}"),
        (REVIEWS, "{text}", "--template needs"),
        ("a => good\nb =>  good\nc =>", None, "differ in spaces only"),
    ],
)
def test_what_is_no_few_shot_prompt_is_told(text: str, template: str | None, words: str) -> None:
    with pytest.raises(PromptError) as caught:
        import_text(text, Path("x.txt"), template=template)
    assert words in caught.value.message
