"""Prompt files: what is read, and every complaint with its file, line, field and cure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label

GOOD = """\
name: questions
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations:
  - {text: "Who wrote it ?", label: Person}
  - {text: "Where is it ?", label: Location}
queries:
  - {text: "Who ?", label: Person}
  - text: "Where ?"
"""


def write(folder: Path, text: str, name: str = "prompt.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path) -> PromptError:
    with pytest.raises(PromptError) as caught:
        read_prompt(path)
    assert str(path.parent) in str(caught.value)
    return caught.value


def test_a_plain_list_of_labels_gets_a_leading_space(tmp_path: Path) -> None:
    prompt = read_prompt(write(tmp_path, GOOD))
    assert prompt.labels == (Label("Person", " Person"), Label("Location", " Location"))
    assert prompt.separator == "\n"
    assert prompt.queries == (Example("Who ?", 0), Example("Where ?", None))
    assert prompt.template_pieces == (("Question: ",), "\nAnswer Type:", "")


def test_a_mapping_gives_the_words_as_written(tmp_path: Path) -> None:
    text = GOOD.replace("[Person, Location]", '{Person: "-who", Location: "-where"}')
    assert read_prompt(write(tmp_path, text)).labels == (Label("Person", "-who"), Label("Location", "-where"))


def test_yaml_guesses_nothing(tmp_path: Path) -> None:
    """Yes, 1.0 and a date are label names and texts, not a boolean, a number and a date."""
    text = GOOD.replace("Person", "Yes").replace("Location", "1.0").replace('"Where ?"', "2024-01-01")
    prompt = read_prompt(write(tmp_path, text))
    assert prompt.label_names == ("Yes", "1.0")
    assert prompt.queries[1].text == "2024-01-01"


def test_json_reads_alike(tmp_path: Path) -> None:
    document = {
        "template": "{text} =>{label}",
        "labels": ["0", "1"],
        "demonstrations": [{"text": "a\tb \U0001f600", "label": 0}],
        "queries": [{"text": "c", "label": 1}],
    }
    prompt = read_prompt(write(tmp_path, json.dumps(document, indent=1), "p.json"))
    assert prompt.name == "p"
    assert prompt.demonstrations == (Example("a\tb \U0001f600", 0),)


def test_texts_may_hold_braces_and_markup(tmp_path: Path) -> None:
    text = GOOD.replace('"Where ?"', r'"{label} {text} {0} [/red] [b \e[31m"')
    assert read_prompt(write(tmp_path, text)).queries[1].text == "{label} {text} {0} [/red] [b \x1b[31m"


def test_queries_from_a_file_are_drawn_with_a_seed(tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"q{i}", "label": "Person", "other": 1}) for i in range(50)]
    write(tmp_path, "\n".join(rows), "q.jsonl")
    head = GOOD[: GOOD.index("queries:")]
    drawn = [
        read_prompt(write(tmp_path, f"{head}queries: {{file: q.jsonl, limit: 5, seed: {seed}}}\n")).queries
        for seed in (1, 1, 2)
    ]
    assert len(drawn[0]) == 5
    assert drawn[0] == drawn[1] != drawn[2]
    first = read_prompt(write(tmp_path, f"{head}queries: {{file: q.jsonl, limit: 2}}\n")).queries
    assert [query.text for query in first] == ["q0", "q1"]


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    first = read_prompt(write(tmp_path, GOOD))
    same = read_prompt(write(tmp_path, GOOD.replace("name: questions", "name: other"), "b.yaml"))
    other = read_prompt(write(tmp_path, GOOD.replace("Who ?", "Whom ?"), "c.yaml"))
    assert first.hash == same.hash != other.hash


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("{label}", "", 2, "template", "does not hold {label}"),
        ("{text}", "{label} {text}", 2, "template", "more than once"),
        ("Question: {text}\\nAnswer Type:{label}", "{label} {text}", 2, "template", "must come before"),
        ("label: Location", "label: Locaton", 6, "demonstrations[1].label", "did you mean 'Location'"),
        ('"Who ?", label: Person', '"Who ?", label: Nobody', 8, "queries[0].label", "no class 'Nobody'"),
        ("[Person, Location]", "[Person, Person]", 3, "labels[1]", "listed twice"),
        ("[Person, Location]", "[Person]", 3, "labels", "at least two"),
        ("[Person, Location]", "Person", 3, "labels", "list of class names"),
        ("[Person, Location]", "{Person: null, Location: a}", 3, "labels.Person", "unquoted null"),
        ("[Person, Location]", "[Person, null]", 3, "labels[1]", "unquoted null"),
        ("[Person, Location]", "[Person, [Location]]", 3, "labels[1]", "expected text, and this is none"),
        ("[Person, Location]", '{Person: " a", Location: " a"}', 3, "labels.Location", "same label word"),
        ("[Person, Location]", '{Person: " ", Location: " a"}', 3, "labels.Person", "empty"),
        ("name:", "nmae:", 1, "nmae", "did you mean 'name'"),
        ("queries:", "querys:", 7, "querys", "there is no such field; did you mean 'queries'?"),
        (", label: Location}", "}", 6, "demonstrations[1].label", "missing"),
        ("template:", "temp:", 1, None, ""),
        ("queries:", "scoring: best\nqueries:", 7, "scoring", "'per_byte' or 'pmi'"),
        ("name: questions", "name: questions\nname: again", 2, None, "written twice"),
        ('"Where ?"', r'"\ud83d"', 9, None, "half a character"),
        ('{text: "Where is it ?"', "{text: ~", 6, "demonstrations[1].text", "unquoted null"),
        ('{text: "Where is it ?"', "{text: [1]", 6, "demonstrations[1].text", "expected text"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, field: str | None, words: str
) -> None:
    assert old in GOOD
    error = complaint(write(tmp_path, GOOD.replace(old, new)))
    assert words in error.message
    if field is not None:
        assert (error.line, error.field) == (line, field)
    assert len(str(error).splitlines()) == 1


def test_no_demonstrations_and_no_queries(tmp_path: Path) -> None:
    start, stop = GOOD.index("demonstrations:"), GOOD.index("queries:")
    assert read_prompt(write(tmp_path, GOOD[:start] + "demonstrations: []\n" + GOOD[stop:])).demonstrations == ()
    error = complaint(write(tmp_path, GOOD[:start] + GOOD[stop:]))
    assert error.field == "demonstrations"
    assert "'demonstrations: []' is a prompt without any" in error.message
    error = complaint(write(tmp_path, GOOD[:stop] + "queries: []\n"))
    assert (error.line, error.field) == (7, "queries")


def test_a_query_that_is_no_mapping(tmp_path: Path) -> None:
    error = complaint(write(tmp_path, GOOD[: GOOD.index("queries:")] + "queries: [nice]\n"))
    assert error.message == "expected {text: ...}, with its label where that is known"
    assert error.field == "queries[0]"


@pytest.mark.parametrize("text", ["", "# only a comment\n", "just text", "- a\n- b\n"])
def test_a_file_without_fields(tmp_path: Path, text: str) -> None:
    assert "holds fields" in complaint(write(tmp_path, text)).message


def test_broken_syntax_names_the_line(tmp_path: Path) -> None:
    error = complaint(write(tmp_path, GOOD.replace('"Where ?"', "Where: is: it")))
    assert error.line == 9
    assert "quotes" in error.message
    assert complaint(write(tmp_path, '{"template": 1,\n]', "p.json")).line == 2


def test_unreadable_files(tmp_path: Path) -> None:
    assert "no such file" in complaint(tmp_path / "none.yaml").message
    assert "folder" in complaint(tmp_path).message
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: x\nseparator: é".encode("latin-1"))
    error = complaint(path)
    assert error.line == 2
    assert "UTF-8" in error.message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected an object"),
        ('{"label": "Person"}', "missing"),
        ('{"text": "x", "label": "Persona"}', "did you mean 'Person'"),
    ],
)
def test_a_wrong_row_of_a_data_file_is_told_with_its_own_file_and_line(tmp_path: Path, row: str, words: str) -> None:
    write(tmp_path, '{"text": "fine"}\n\n' + row + "\n", "q.jsonl")
    error = complaint(write(tmp_path, GOOD[: GOOD.index("queries:")] + "queries: {file: q.jsonl}\n"))
    assert words in error.message
    assert (error.line, Path(str(error.path)).name) == (3, "q.jsonl")


def test_a_missing_data_file_is_told_at_its_field(tmp_path: Path) -> None:
    error = complaint(write(tmp_path, GOOD + "examples: {file: none.jsonl}\n"))
    assert (error.line, error.field) == (10, "examples")
    assert "relative to the prompt file" in error.message


def test_a_field_of_an_example_that_there_is_not_is_told_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        'template: "{premise} {hypothesis}:{label}"\nlabels: [a, b]\ndemonstrations:\n'
        "  - {premise: x, hypothesis: y, label: a}\nqueries: [{text: z}]\n"
    )
    with pytest.raises(PromptError, match=r"queries\[0\]\.text: there is no such field; write {text} into") as caught:
        read_prompt(path)
    assert caught.value.line == 5
