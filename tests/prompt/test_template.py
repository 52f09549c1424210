"""What looks like a field: columns are refused by name, and what stays as it is written is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.check import describe_warnings
from icldiag.errors import PromptError
from icldiag.prompt.draw import Drawing, draw_prompt
from icldiag.prompt.encode import encode
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.prompt.tables import read_table
from icldiag.prompt.template import is_template, unfilled, warnings_of
from tests.conftest import tiny_tokenizer

NLI = (
    "text,hypothesis,lang,label\nA man plays.,A man makes music.,en,Person\nTwo dogs run.,The dogs sleep.,en,Location\n"
)
FILE = """\
template: "P: {text}TEMPLATE\\nA:{label}"
labels: [Person, Location]
demonstrations: [{text: a, label: Person}, {text: b, label: Location}]
queries: {file: nli.csv}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nli.csv").write_text(NLI)
    return tmp_path


def prompt_of(folder: Path, template: str = "") -> Prompt:
    (folder / "p.yaml").write_text(FILE.replace("TEMPLATE", template))
    return read_prompt(folder / "p.yaml")


def test_texts_that_are_not_read_are_told(folder: Path) -> None:
    prompt = prompt_of(folder)
    told = "not read: column 'hypothesis' of nli.csv, which holds texts too"
    assert prompt.notes == (told,)
    assert told in describe_warnings(prompt)
    encoded = encode(prompt, tiny_tokenizer())
    assert encoded.warnings[-1] == told
    assert told in draw_prompt(read_table(folder / "nli.csv"), Drawing(shots=0), "x").notes
    inline = prompt.with_queries(prompt.queries)
    assert inline.hash == prompt.hash


def test_a_column_in_the_template_is_a_field(folder: Path) -> None:
    with pytest.raises(PromptError, match=r"demonstrations\[0\]\.hypothesis: this field is missing") as caught:
        prompt_of(folder, "\\nH: {hypothesis}")
    assert caught.value.line == 3
    for template in ("{text}\n{hypothesis}\n{label}", "{hypothesis}{label}"):
        drawn = draw_prompt(read_table(folder / "nli.csv"), Drawing(template=template, shots=0), "x").prompt
        assert drawn.written(drawn.queries[0]) in template.replace("{text}", "A man plays.").replace(
            "{hypothesis}", "A man makes music."
        )


@pytest.mark.parametrize(("column", "braces"), [("a b", "{a b}"), ("id", "{id}"), ("hypothesis", "{{hypothesis}}")])
def test_a_column_that_cannot_be_a_field_is_refused_by_name(tmp_path: Path, column: str, braces: str) -> None:
    path = tmp_path / "nli.csv"
    path.write_text(f"text,{column},label\nA man plays.,music,Person\nDogs run.,sleep,Location\n")
    with pytest.raises(PromptError, match=f"names the column '{column}', which is no field"):
        draw_prompt(read_table(path), Drawing(template="{text} " + braces + "{label}"), "x")


def test_what_looks_like_a_field_is_told(folder: Path) -> None:
    prompt = prompt_of(folder, " {genre}")
    told = "{genre} in the template stands in the prompt as written: only {text} and {label} are filled in"
    assert encode(prompt, tiny_tokenizer()).warnings[0] == told
    assert told in describe_warnings(prompt)
    assert (
        told
        in draw_prompt(read_table(folder / "nli.csv"), Drawing(shots=0, template="{genre} {text}:{label}"), "x").notes
    )
    assert warnings_of("{text}:{label}", "Give {label} of {x}.") == (
        "{label}, {x} in the instruction stand in the prompt as written: nothing in it is filled in",
    )


@pytest.mark.parametrize("braces", ['{"a": 1}', "{}", "{{name}}", "{a b}", "{1}", "{ name }", "{a, b}", "{a: b}", "{"])
def test_other_braces_are_text(braces: str) -> None:
    assert unfilled(braces + "{text}{label}") == ()


def test_templates() -> None:
    assert is_template("{text} {label}")
    for wrong in ("{label} {text}", "{text}", "{text}{text}{label}", "{text}{label}{label}", ""):
        assert not is_template(wrong)
