"""FewShotPromptTemplates that LangChain saved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from icldiag.errors import PromptError
from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.schema import Example, Label

INNER = {"template": "Review: {review}\nSentiment: {label}", "template_format": "f-string", "_type": "prompt"}
SAVED: dict[str, Any] = {
    "_type": "few_shot",
    "input_variables": ["text"],
    "partial_variables": {},
    "prefix": "Judge the {{reviews}}.",
    "suffix": "Review: {text}\nSentiment:",
    "example_separator": "\n\n",
    "example_prompt": INNER,
    "example_selector": None,
    "template_format": "f-string",
    "examples": [{"review": "great", "label": "positive"}, {"review": "dull {{x}}", "label": "negative"}],
}
TEXT = (
    "Judge the {reviews}.\n\nReview: great\nSentiment: positive\n\nReview: dull {x}\nSentiment: negative\n\n"
    "Review: I liked it\nSentiment:"
)


def save(folder: Path, kind: str = "json", **changed: Any) -> Path:
    path = folder / f"films.{kind}"
    values = {**SAVED, **changed}
    path.write_text(json.dumps(values, indent=4) if kind == "json" else yaml.safe_dump(values))
    return path


def complaint(path: Path) -> PromptError:
    with pytest.raises(PromptError) as caught:
        read_few_shot(path)
    assert str(path) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_saved_template_writes_what_langchain_writes(tmp_path: Path, kind: str) -> None:
    prompt = read_few_shot(save(tmp_path, kind)).prompt([Example("I liked it", None)])
    assert prompt.written("I liked it") == TEXT
    assert prompt.template == "Review: {text}\nSentiment:{label}"
    assert prompt.labels == (Label("positive", " positive"), Label("negative", " negative"))
    assert prompt.demonstrations == (Example("great", 0), Example("dull {x}", 1))
    assert (prompt.name, prompt.instruction, prompt.separator) == ("films", "Judge the {reviews}.", "\n\n")


def test_parts_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump(SAVED["examples"]))
    (tmp_path / "inner.json").write_text(json.dumps(INNER))
    (tmp_path / "start.txt").write_text("Judge the {{reviews}}.")
    values = {key: value for key, value in SAVED.items() if key not in ("example_prompt", "prefix")}
    path = tmp_path / "films.json"
    more = {"examples": "rows.yaml", "example_prompt_path": "inner.json", "prefix_path": "start.txt"}
    path.write_text(json.dumps({**values, **more}))
    assert read_few_shot(path).prompt([Example("I liked it", None)]).written("I liked it") == TEXT


@pytest.mark.parametrize("template_format", ["jinja2", "mustache"])
def test_other_kinds_of_variables(tmp_path: Path, template_format: str) -> None:
    inner = {**INNER, "template": "Review: {{ review }}\nSentiment: {{label}}", "template_format": template_format}
    changed = {"template_format": template_format, "prefix": "Judge {it}.", "suffix": "Review: {{text}}\nSentiment:"}
    rows = [{"review": "great {one}", "label": "positive"}]
    path = save(tmp_path, example_prompt=inner, examples=rows, **changed)
    prompt = read_few_shot(path).prompt([Example("x", None)], ["negative"])
    assert prompt.written("x") == "Judge {it}.\n\nReview: great {one}\nSentiment: positive\n\nReview: x\nSentiment:"
    looped = save(tmp_path, example_prompt=inner, examples=rows, **{**changed, "prefix": "{% for a in b %}"})
    assert "only plain variables" in complaint(looped).message


def test_several_variables_for_the_text_and_partial_ones(tmp_path: Path) -> None:
    inner = {**INNER, "template": "{premise}\nSo: {hypothesis}\n{answer}."}
    rows = [{"premise": "a", "hypothesis": "b", "answer": "yes"}, {"premise": "c", "hypothesis": "d", "answer": "no"}]
    changed = {"prefix": "In {language}:", "suffix": "{premise}\nSo: {hypothesis}\n"}
    path = save(tmp_path, example_prompt=inner, examples=rows, partial_variables={"language": "English"}, **changed)
    prompt = read_few_shot(path).prompt([])
    assert prompt.template == "{premise}\nSo: {hypothesis}\n{label}."
    assert prompt.demonstrations[1] == Example.of({"premise": "c", "hypothesis": "d"}, 1)
    assert prompt.demonstrations[1].text == "c / d"
    assert (
        prompt.written(prompt.example({"premise": "e", "hypothesis": "f"}))
        == "In English:\n\na\nSo: b\nyes.\n\nc\nSo: d\nno.\n\ne\nSo: f\n"
    )


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"_type": "prompt"}, None, "a LangChain template of type 'prompt'"),
        ({"_type": None}, None, "no template that LangChain's prompt.save wrote"),
        ({"examples": None, "example_selector": {}}, "examples", "chosen at run time"),
        ({"examples": []}, "examples", "at least one example"),
        ({"examples": [{"review": "a"}]}, "examples[0]", "there is no 'label'"),
        ({"examples": [{"review": "a {b}", "label": "c"}]}, "examples[0]", "a variable in place of 'b'"),
        ({"examples": [{"review": "a {", "label": "c"}]}, "examples[0]", "not a template"),
        ({"prefix": "{topic}"}, "prefix", "a variable in place of 'topic'"),
        ({"suffix": "Review: {text}"}, "suffix", "would be 'Review: {text}\\nSentiment:'"),
        ({"suffix": "Sentiment:"}, "suffix", "no variable for the query"),
        ({"suffix": "Review: {text:>5}\nSentiment:"}, "suffix", "only plain variables"),
        ({"example_prompt": {"template": "{a}"}}, "example_prompt", "one for the label"),
        ({"example_prompt": None}, "example_prompt", "with a 'template'"),
    ],
)
def test_what_cannot_be_imported_is_told(
    tmp_path: Path, changed: dict[str, Any], field: str | None, words: str
) -> None:
    error = complaint(save(tmp_path, **changed))
    assert words in error.message
    assert error.field == field


def test_one_label_needs_another(tmp_path: Path) -> None:
    found = read_few_shot(save(tmp_path, examples=[{"review": "a", "label": "good"}]))
    with pytest.raises(PromptError, match="name others with --labels"):
        found.prompt([Example("x", None)])
    assert found.prompt([Example("x", None)], ["bad"]).labels[1] == Label("bad", " bad")


TWO: dict[str, Any] = {
    "example_prompt": {"template": "P: {premise}\nH: {hypothesis}\nA: {label}"},
    "examples": [
        {"premise": "a", "hypothesis": "b", "label": "yes"},
        {"premise": "c", "hypothesis": "d", "label": "no"},
    ],
    "prefix": "",
    "suffix": "P: {premise}\nH: {hypothesis}\nA:",
}


def test_several_variables_are_fields(tmp_path: Path) -> None:
    prompt = read_few_shot(save(tmp_path, **TWO)).prompt([])
    assert (prompt.template, prompt.fields) == (
        "P: {premise}\nH: {hypothesis}\nA:{label}",
        ("premise", "hypothesis"),
    )
    query = prompt.example({"hypothesis": "f", "premise": "e"})
    assert prompt.written(query) == "P: a\nH: b\nA: yes\n\nP: c\nH: d\nA: no\n\nP: e\nH: f\nA:"
    given: Any
    for given, told in (
        ("A cat.", "has 2 fields ({premise}, {hypothesis}), not one text"),
        ({"premise": "A cat."}, "no text for the field {hypothesis}"),
        ({"premise": "A cat.", "hypothesis": "b", "x": "c"}, "no field 'x'"),
    ):
        with pytest.raises(PromptError, match=re.escape(told)):
            prompt.example(given)


@pytest.mark.parametrize(("name", "told"), [("id", "cannot be called 'id'"), ("premise", "stands in it twice")])
def test_names_that_no_field_can_have(tmp_path: Path, name: str, told: str) -> None:
    changed = json.loads(json.dumps(TWO).replace("hypothesis", name))
    assert told in complaint(save(tmp_path, **changed)).message


@pytest.mark.parametrize(
    "suffix",
    [
        "P: {hypothesis}\nH: {premise}\nA:",
        "P: {premise}\nA:",
        "P: {premise}\nQ: {hypothesis}\nA:",
        "P: {premise}\nH: {hypothesis}\nI: {more}\nA:",
    ],
)
def test_a_suffix_that_asks_otherwise_is_told_what_it_would_be(tmp_path: Path, suffix: str) -> None:
    changed: dict[str, Any] = {**TWO, "suffix": suffix}
    error = complaint(save(tmp_path, **changed))
    assert error.field == "suffix"
    assert "would be 'P: {" in error.message


def test_partial_variables_are_filled_in_once(tmp_path: Path) -> None:
    changed: dict[str, Any] = {"partial_variables": {"x": "{{y}} {z}"}, "prefix": "Use {x}, {{x}}."}
    prompt = read_few_shot(save(tmp_path, **changed)).prompt([Example("q", None)])
    assert prompt.instruction == "Use {{y}} {z}, {x}."


def test_what_langchain_does_not_write_is_told(tmp_path: Path) -> None:
    rows = [{**row, "why": "it was long"} for row in SAVED["examples"]]
    notes = read_few_shot(save(tmp_path, examples=rows)).notes
    assert notes == ("not in the prompt, as the example template does not use it: 'why' of the examples",)


@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize("field", ["example_separator", "prefix", "suffix"])
def test_what_is_no_text_is_not_written_into_the_prompt(tmp_path: Path, kind: str, field: str) -> None:
    for value in (["a"], {"a": "b"}, *([None] if field == "example_separator" else [])):
        assert complaint(save(tmp_path, kind, **{field: value})).field == field
