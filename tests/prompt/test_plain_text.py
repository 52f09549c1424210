"""Prompts as plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.plain_text import import_text, left_out
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label
from icldiag.prompt.write import as_yaml
from tests.prompt.test_shape import INLINE, REVIEWS


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


def _refused(text: str, **given: Any) -> str:
    with pytest.raises(PromptError) as caught:
        import_text(text, more_labels=["positive", "negative"], **given)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Review {n}: {t}\nSentiment {n}: {l}\n", "numbers its examples ('Sentiment 1:' to 'Sentiment 3:')"),
        ("Q{n}: {t}\nA{n}: {l}\n", "('A1:' to 'A3:')"),
        ("Review #{n}: {t}. Sentiment #{n}: {l}\n", "('Sentiment #1:' to 'Sentiment #3:')"),
        ("Review: {t}\n({n}) {l}\n", "('(1)' to '(3)')"),
        ("{n}. {t} => {l}\n", "('1' to '3')"),
        ("Review {n}: {t}\nSentiment: {l}\n\n", "('Review 1' to 'Review 3')"),
        ("### Example {n}\nReview: {t}\nSentiment: {l}\n\n", "('Example 1' to 'Example 3')"),
    ],
)
def test_numbered_examples_are_refused_by_name(text: str, words: str) -> None:
    rows = [("1", "great", "positive"), ("2", "dull", "negative"), ("3", "clever", "\0")]
    whole = "".join(text.replace("{n}", n).replace("{t}", t).replace("{l}", label) for n, t, label in rows)
    told = _refused(whole.split("\0")[0])
    assert words in told
    assert "remove the numbers" in told


def test_numbers_that_do_not_count_are_texts() -> None:
    assert "asks for a label" in _refused(" ".join(f"word{n}" for n in range(20)))
    text = "In 2001: {}\nOf 1 to 5: {}\n\n"
    prompt = import_text(text.format("great", "good") + text.format("dull", "bad") + "In 2001: clever\nOf 1 to 5:")
    assert prompt.template == "In 2001: {text}\nOf 1 to 5:{label}"
    years = import_text("Review: 2001 was great\nIt is: good\nReview: 1995 was dull\nIt is: bad\nReview: 1999\nIt is:")
    assert [one.text for one in years.demonstrations] == ["2001 was great", "1995 was dull"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Review: a\nIt is: good\n\nReview: b\nI say: bad\n\nReview: c\nIt is: so\n\nReview: d\nIt is:",
         "'\\n\\nReview: ' parts the examples, and it stands in the text 'b\\nI say: bad\\n\\nReview: c' too"),
        ("Review: a\nIt is: good\n\nReview: b\nIt is:\n\nReview: c\nIt is: bad\n\nReview: d\nIt is:",
         "too, whose label"),
        ('[{"role": "user", "content": "a"}]', "this is a conversation, a list of messages"),
        ('{"messages": [{"role": "user"', "this is a conversation"),
        ("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\ngood<|im_end|>\n<|im_start|>user\nb<|im_end|>\n",
         "'<|im_start|>' opens a turn of a conversation"),
        ("[INST] a [/INST] good\n[INST] b [/INST]", "'[INST]' opens a turn"),
    ],
)  # fmt: skip
def test_what_would_become_nonsense_is_refused(text: str, words: str) -> None:
    assert words in _refused(text)


def test_turns_that_a_template_tells_are_imported() -> None:
    turn = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    text = "".join(turn.format(one) + answer for one, answer in (("a", "good<|im_end|>\n"), ("b", "bad<|im_end|>\n")))
    template = "<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n{label}<|im_end|>"
    prompt = import_text(text + turn.format("c"), template=template)
    assert (prompt.template, prompt.separator) == (template, "\n")
    assert [label.word for label in prompt.labels] == ["good", "bad"]
    assert prompt.written("c") == text + turn.format("c")


def test_a_query_that_is_a_demonstration_too() -> None:
    prompt = import_text("a => good\nfilm => good\nwarm => bad\nfilm =>")
    assert prompt.template == "{text} =>{label}"
    assert [one.text for one in prompt.demonstrations] == ["a", "film", "warm"]


def test_a_given_template_is_kept_or_refused() -> None:
    text = "Review: a. Good? yes\nReview: b. Good? no\nReview: c. Good?"
    assert import_text(text, template="{text} Good?{label}").template == "{text} Good?{label}"
    assert "has not this template" in _refused(text, template="{text} Good?{label}!")
    assert "more than spaces between" in _refused(text, template="{text} {label}")


def test_what_is_left_out_is_told() -> None:
    prompt = import_text(REVIEWS)
    assert left_out(REVIEWS, prompt) == []
    assert left_out(REVIEWS + " \n", prompt) == ["left out at the end, as the model answers before it: ' \\n'"]
    assert left_out(REVIEWS.replace("\n", "\r\n"), prompt) == ["line ends \\r\\n are written as \\n"]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_line_ends(end: str) -> None:
    text = REVIEWS.replace("\n", end)
    for pasted in (text, text + end, text + "\r"):  # the last: a line end that was cut in two
        assert import_text(pasted).hash == import_text(REVIEWS).hash
    assert left_out(REVIEWS + "\r", import_text(REVIEWS))[0] == "line ends \\r are written as \\n"
