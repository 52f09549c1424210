"""Data files of every kind, alone and as a prompt file names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example
from icldiag.prompt.table_stream import TableStream
from icldiag.prompt.tables import read_table

PROMPT = """\
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations: DEMONSTRATIONS
queries:
  - {text: "Where ?", label: Location}
"""
ROWS = (Example("Who wrote it, and\nwhy ?", 0, "a1"), Example('a "quoted" place', 1, "a2"), Example("no label", None))
CSV = 'key,question,answer\na1,"Who wrote it, and\nwhy ?",Person\n\na2,"a ""quoted"" place",Location\n,no label,\n'
COLUMNS = "text: question, label: answer, id: key"


def read(folder: Path, name: str, fields: str = COLUMNS) -> tuple[Example, ...]:
    """The queries of a prompt that names a data file."""
    path = folder / "prompt.yaml"
    start = PROMPT.index("queries:")
    shown = "\n  - {text: Who, label: Person}"
    queries = f"queries: {{file: {name}, {fields}}}\n"
    path.write_text(PROMPT[:start].replace("DEMONSTRATIONS", shown) + queries)
    return read_prompt(path).queries


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def complaint(path: Path, split: str | None = None) -> PromptError:
    with pytest.raises(PromptError) as caught:
        read_table(path, split)
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.csv", CSV),
        ("windows.csv", "\ufeff" + CSV.replace("\n\n", "\r\n\r\n").replace("answer\n", "answer\r\n")),
        ("europe.csv", CSV.replace(",", ";").replace("it; and", "it, and")),
        ("q.tsv", CSV.replace(",", "\t").replace("it\t and", "it, and")),
        (
            "q.jsonl",
            '{"key": "a1", "question": "Who wrote it, and\\nwhy ?", "answer": "Person"}\n'
            '{"key": "a2", "question": "a \\"quoted\\" place", "answer": "Location", "extra": [1]}\n'
            '{"question": "no label", "answer": null}\n',
        ),
    ],
)
def test_every_kind_gives_the_same_examples(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / name, text)
    assert read(tmp_path, name) == ROWS


def test_columns_of_the_usual_names_need_not_be_named(tmp_path: Path) -> None:
    write(tmp_path / "q.csv", "text,label,id\nWho ?,Person,7\nWhat ?,,8\n")
    assert read(tmp_path, "q.csv", "limit: 9") == (Example("Who ?", 0, "7"), Example("What ?", None, "8"))


def test_demonstrations_come_from_a_file_too(tmp_path: Path) -> None:
    write(tmp_path / "d.csv", "text,label\nWho ?,Person\nWhere ?,Location\n")
    path = write(tmp_path / "prompt.yaml", PROMPT.replace("DEMONSTRATIONS", "{file: d.csv}"))
    assert read_prompt(path).demonstrations == (Example("Who ?", 0), Example("Where ?", 1))
    write(tmp_path / "d.csv", "text,label\nWho ?,Person\nWhere ?,\n")
    with pytest.raises(PromptError, match="row 2 of the file has no label"):
        read_prompt(path)
    write(tmp_path / "d.csv", "text,label\n")
    with pytest.raises(PromptError, match="no rows in the file") as caught:
        read_prompt(path)
    assert (caught.value.line, caught.value.field) == (3, "demonstrations")


@pytest.mark.parametrize(
    ("fields", "line", "field", "words"),
    [
        ("text: quest", 5, "queries.text", "q.csv has no column 'quest'; it has key, question, answer"),
        ("text: question, label: gold", 5, "queries.label", "no column 'gold'; it has"),
        ("text: question, id: doc", 5, "queries.id", "no column 'doc'"),
        ("text: question, column: x", 5, "queries.column", "there is no such field; write {column} into"),
        ("text: question, lable: x", 5, "queries.lable", "did you mean 'label'?"),
        ("text: question, split: test", None, None, "a file has none"),
        ("text: question, label: key", 2, "key", "there is no class 'a1'"),
        ("text: question, limit: 0", 5, "queries.limit", "must be at least 1"),
    ],
)
def test_a_wrong_column_is_told_with_those_there_are(
    tmp_path: Path, fields: str, line: int | None, field: str | None, words: str
) -> None:
    write(tmp_path / "q.csv", CSV)
    with pytest.raises(PromptError) as caught:
        read(tmp_path, "q.csv", fields)
    assert words in caught.value.message
    assert (caught.value.line, caught.value.field) == (line, field)


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("x.csv", "", None, "the file is empty"),
        ("x.csv", "a,b\n1,2\n3\n", 3, "1 cell, but the first line names 2 columns"),
        ("x.csv", 'a,b\n"1\n1",2\n3,4,5\n', 4, "3 cells"),
        ("x.csv", 'a,b\n"1,2\n', 2, "not valid CSV"),
        ("x.csv", "a,b,a\n", 1, "'a' is named twice"),
        ("x.xlsx", "", None, "not a kind of data file that is known here; use .csv"),
    ],
)
def test_a_broken_file_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, line: int | None, words: str
) -> None:
    error = complaint(write(tmp_path / name, text))
    assert words in error.message
    assert error.line == line


def test_a_misspelt_field_of_a_query_is_told(tmp_path: Path) -> None:
    shown = "\n  - {text: Who, label: Person}"
    path = write(tmp_path / "p.yaml", PROMPT.replace("DEMONSTRATIONS", shown).replace("label: Loc", "lable: Loc"))
    with pytest.raises(PromptError, match="did you mean 'label'") as caught:
        read_prompt(path)
    assert caught.value.field == "queries[0].lable"


def test_a_folder_without_the_package_names_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install 'icldiag[datasets]'" in complaint(tmp_path).message


def _dataset() -> Any:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"question": datasets.Value("string"), "answer": datasets.ClassLabel(names=["Person", "Location"])}
    )
    return datasets.Dataset.from_dict({"question": ["Who ?", "Where ?", "Why ?"], "answer": [0, 1, -1]}, features)


def test_a_saved_dataset_gives_its_class_names(tmp_path: Path) -> None:
    _dataset().save_to_disk(str(tmp_path / "saved"))
    wanted = (Example("Who ?", 0), Example("Where ?", 1), Example("Why ?", None))
    assert read(tmp_path, "saved", "text: question, label: answer") == wanted
    assert "not a folder that datasets can load" in complaint(tmp_path).message


def test_splits_are_chosen_by_name(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")

    datasets.DatasetDict(train=_dataset(), test=_dataset().select([1])).save_to_disk(str(tmp_path / "saved"))
    read_queries = read(tmp_path, "saved", "text: question, label: answer, split: test")
    assert read_queries == (Example("Where ?", 1),)
    assert "several splits; choose one with 'split': train, test" in complaint(tmp_path / "saved").message
    assert "no split 'dev': train, test" in complaint(tmp_path / "saved", "dev").message


@pytest.mark.parametrize("content", ["text,label\rgood,A\rbad,B\r", "text,label\ngo\rod,A\nbad,B\n"])
def test_a_carriage_return_alone_is_refused_however_the_file_is_read(content: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content.encode())
    told = []
    for read in (read_table, lambda path: list(TableStream.of(path, {"text": "text"}).rows())):
        with pytest.raises(PromptError, match="a line ends with a carriage return alone") as caught:
            read(path)
        told.append(str(caught.value))
    assert told[0] == told[1]
    path.write_bytes(b"text,label\r\ngood,A\r\n")
    assert [row.values for row in read_table(path).rows] == [{"text": "good", "label": "A"}]
