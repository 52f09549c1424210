"""Several text fields: each is required, stands where the template says, and is known by its name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import IcldiagError, PromptError
from icldiag.prompt.edit import ask
from icldiag.prompt.encode import encode, query_tokens
from icldiag.prompt.read import read_prompt
from icldiag.prompt.rewrite import rewritten
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.table_stream import columns_of
from icldiag.prompt.template import complaint, fields_of
from icldiag.prompt.write import as_yaml
from tests.conftest import tiny_tokenizer

NLI = """\
template: "{premise}\\nQuestion: {hypothesis} True or False?\\nAnswer:{label}"
labels: ["True", "False"]
demonstrations:
  - {premise: "A man plays.", hypothesis: "He sings.", label: "False"}
  - {hypothesis: "Dogs move.", premise: "Two dogs run.", label: "True", id: d}
queries:
  - {premise: "A boy eats.", hypothesis: "He drinks.", label: "False"}
  - {premise: "", hypothesis: "He drinks."}
"""


def read(folder: Path, text: str = NLI) -> Prompt:
    path = folder / "nli.yaml"
    path.write_text(text)
    return read_prompt(path)


def test_each_text_stands_in_its_field(tmp_path: Path) -> None:
    prompt = read(tmp_path)
    assert prompt.fields == ("premise", "hypothesis")
    assert prompt.demonstrations[1] == Example.of({"premise": "Two dogs run.", "hypothesis": "Dogs move."}, 0, "d")
    assert prompt.demonstrations[1].text == "Two dogs run. / Dogs move."
    assert prompt.written(prompt.queries[0]) == (
        "A man plays.\nQuestion: He sings. True or False?\nAnswer: False\n"
        "Two dogs run.\nQuestion: Dogs move. True or False?\nAnswer: True\n"
        "A boy eats.\nQuestion: He drinks. True or False?\nAnswer:"
    )
    assert read_prompt_of(tmp_path, as_yaml(prompt)).hash == prompt.hash


def read_prompt_of(folder: Path, text: str) -> Prompt:
    (folder / "again.yaml").write_text(text)
    return read_prompt(folder / "again.yaml")


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('hypothesis: "He sings.", ', "", 4, "demonstrations[0].hypothesis: this field is missing; the template names"),
        ('premise: "A boy eats.", ', "", 7, "queries[0].premise: this field is missing; the template names {premise}"),
        ("hypothesis: \"He drinks.\"}", "hypothesys: x}", 8, "queries[1].hypothesys: there is no such field; did you"),
        ('premise: "", ', 'premise: "", topic: x, ', 8, "queries[1].topic: there is no such field; write {topic} into"),
        ("{hypothesis} True", "{premise} True", 1, "template: the template holds {premise} more than once"),
        ("Answer:{label}", "{label} {premiss}", 1, "template: {premiss} must come before {label}"),
        ("Answer:{label}", "Answer:", 1, "template: the template does not hold {label}"),
        ('premise: "", ', "premise: [a], ", 8, "queries[1].premise: expected text"),
    ],
)  # fmt: skip
def test_what_is_missing_or_too_much_is_told(tmp_path: Path, old: str, new: str, line: int, told: str) -> None:
    with pytest.raises(PromptError) as caught:
        read(tmp_path, NLI.replace(old, new))
    assert told in str(caught.value)
    assert caught.value.line == line


def test_columns_of_a_data_file(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("premise,h,label\na,b,True\nc,d,\n")
    (tmp_path / "m.jsonl").write_text('{"premise": "e", "hypothesis": "f", "label": "False"}\n')
    head = NLI[: NLI.index("queries:")]
    prompt = read(tmp_path, head + "queries: {file: q.csv, hypothesis: h}\nexamples: {file: m.jsonl}\n")
    assert prompt.queries == (
        Example.of({"premise": "a", "hypothesis": "b"}, 0),
        Example.of({"premise": "c", "hypothesis": "d"}),
    )
    assert prompt.examples[0].texts == ("e", "f")
    for given, told in (
        ("{file: q.csv}", "queries.hypothesis: q.csv has no column 'hypothesis'; it has premise, h, label"),
        ("{file: q.csv, hypothesis: h, topic: h}", "queries.topic: there is no such field"),
        ("{file: b.jsonl}", "b.jsonl:1: hypothesis: this field is missing"),
    ):
        (tmp_path / "b.jsonl").write_text('{"premise": "e", "label": "False"}\n{"premise": "e", "hypothesis": "f"}\n')
        with pytest.raises(PromptError) as caught:
            read(tmp_path, head + f"queries: {given}\n")
        assert told in str(caught.value)


def test_a_name_beside_text_is_a_field_where_an_example_has_it() -> None:
    assert fields_of("{topic}: {text}{label}") == ("text",)
    assert fields_of("{topic}: {text}{label}", {"topic", "other"}) == ("topic", "text")
    assert fields_of("{text} {id}{label}", {"id"}) == ("text",)
    assert fields_of("{a} {b}{label}") == ("a", "b")
    assert fields_of("{label}") == ("text",)
    assert complaint("{a}{label}{b}", ("a", "b")) == (
        "{b} must come before {label}: the query is the template up to {label}"
    )


def test_spans_know_their_field(tmp_path: Path) -> None:
    prompt, tokenizer = read(tmp_path, NLI + "scoring: whole\n"), tiny_tokenizer()
    encoded = encode(prompt, tokenizer)
    for example, place in zip(prompt.demonstrations, encoded.demonstrations, strict=True):
        for text, (start, stop) in zip(example.texts, place.texts, strict=True):
            assert tokenizer.decode(encoded.prefix[start:stop]).strip() == text
        assert place.text == (place.texts[0][0], place.texts[1][1])
        between = set(range(*place.text)) - set(place.text_positions)
        assert between
        assert {encoded.tokens[position].role for position in between} == {"template"}
        for position in place.text_positions:
            assert encoded.tokens[position].role == "text"
    assert {token.field for token in encoded.tokens} == {None, "premise", "hypothesis"}
    query = encoded.queries[1]
    assert query.texts[0] == (0, 0)  # no text, no token
    assert query.text == query.texts[1]
    own = query_tokens(encoded, tokenizer, 0)
    assert [token.field for token in own if token.role == "text"].count("hypothesis") > 0


def test_one_more_query_and_rewriting(tmp_path: Path) -> None:
    prompt = read(tmp_path)
    asked = ask(prompt, {"hypothesis": "b", "premise": "a"})
    assert asked.queries[-1] == Example.of({"premise": "a", "hypothesis": "b"})
    with pytest.raises(PromptError, match=re.escape("2 fields ({premise}, {hypothesis}), not one text")):
        ask(prompt, "a")
    from icldiag.prompt.edit import with_demonstrations

    shown = (*prompt.demonstrations, prompt.example({"premise": "x", "hypothesis": "y ?"}, 0))
    old, new = rewritten(prompt, with_demonstrations(prompt, shown), tmp_path)
    assert old == NLI
    assert new.startswith(NLI[: NLI.index("queries:")])
    assert read_prompt_of(tmp_path, new).demonstrations == shown


def test_json_and_one_field_of_another_name(tmp_path: Path) -> None:
    document: dict[str, Any] = {
        "template": "{question}:{label}",
        "labels": ["a", "b"],
        "demonstrations": [{"question": "x", "label": "a"}],
        "queries": [{"question": "y"}],
    }
    path = tmp_path / "p.json"
    path.write_text(json.dumps(document))
    prompt = read_prompt(path)
    assert prompt.written("y") == "x: a\ny:"
    assert prompt.uniform("N/A") == prompt.example("N/A") == Example.of({"question": "N/A"})


def test_a_column_that_would_be_ignored_is_refused(tmp_path: Path, prompt: Prompt) -> None:
    several = read(tmp_path, NLI)
    assert columns_of(several, "text", {"hypothesis": "h"}) == {"premise": "premise", "hypothesis": "h"}
    assert columns_of(prompt, "review", {}) == {"text": "review"}
    for asked, text, given, told in (
        (several, "note", {}, "--text note would be ignored; the template has the fields {premise}"),
        (prompt, "id", {"text": "label"}, "--text id would be ignored; give one of the two"),
        (prompt, "text", {"premise": "p"}, "--field premise: the prompt's template has the fields {text}"),
    ):
        with pytest.raises(IcldiagError, match=re.escape(told)):
            columns_of(asked, text, given)
