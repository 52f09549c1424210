"""TOML, CSV and Python's lists: limits, lines and cures."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.config import ConfigError, read_config
from icldiag.errors import PromptError
from icldiag.inputs.csv_text import csv_rows
from icldiag.inputs.literal import parse_list
from icldiag.inputs.toml_text import parse_toml
from icldiag.inputs.values import first_repeated, whole_number
from icldiag.prompt.tables import read_table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "9" * 5000, "a number of more than 300 digits"),
        ("a = " + "[" * 5000, ":1: nested more than 100 levels deep"),
        ("a = " + "[\n" * 5000, "nested more than 100 levels deep"),
        ("b = 1\n" + "a." * 3000 + "a = 1", ":2: nested more than 100 levels deep"),
        ('theme = "x"\nascii = "\x05"', ":2: not valid TOML: Illegal character"),
        ("theme = ", "not valid TOML: Invalid value (at end of document)"),
        ("k" * 5000 + " = 1", "there is no such setting"),
        ("ascii = 'x'", "ascii: Input should be a valid boolean"),
        ("[keys]\n" + "k" * 5000 + " = 1", "keys.kkk"),
    ],
)
def test_settings(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400
    assert parse_toml("a = [[1], [2.5]]", path, ConfigError) == {"a": [[1], [2.5]]}


NO_LISTS = (
    *("[1+1j" + "+1j" * 5000 + "]", "[" * 1000, "[" * 200 + "]" * 200, "[" + "9" * 5000 + "]", "[" + "-" * 5000 + "1]"),
    *("[x]", "['a'", "['\\N{x}']", "(1, 2)", "[f'{x}']", "[() for x in y]", "['a\0b'", "[1", "", "]", "['a', ]]"),
)


@pytest.mark.parametrize("text", NO_LISTS, ids=range(len(NO_LISTS)))
def test_what_is_no_list(text: str) -> None:
    assert parse_list(text) is None


def test_lists_that_python_writes() -> None:
    for value in ([], ["a", 'it\'s "x"', "\n\\"], [0, -1, 2.5, 1e-7], [None, True, ["b", (1, "c")]], ["[" * 500]):
        assert parse_list(str(value)) == value


def test_a_table_of_many_columns_and_long_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + '"' + "x" * 200_000 + '",a\n')
    assert len(read_table(path).rows[0].values["text"]) == 200_000
    path.write_text(",".join(map(str, range(100_000))) + ",7\n")
    with pytest.raises(PromptError, match=":1: the column '7' is named twice"):
        read_table(path)
    path.write_text('text,label\na,b\n"x"y,b\n')
    with pytest.raises(PromptError, match=r":3: not valid CSV: .*; put quotes"):
        read_table(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 5000])
def test_a_row_holds_numbers_that_are_some(number: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "x"}}\n{{"text": {number}}}\n')
    with pytest.raises(PromptError, match=r":2: .*number"):
        read_table(path)


def test_whole_numbers() -> None:
    assert [whole_number(text) for text in ("0", "12", "١٢")] == [0, 12, 12]
    assert [whole_number(text) for text in ("", "-1", "1.0", "²", "x", "9" * 5000)] == [None] * 6
    assert [first_repeated(values) for values in ("abca", "aa", "abc", "")] == [3, 1, None, None]


def test_empty_lines_of_one_column_are_rows_but_for_the_last(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    lines = ["text\n", "a\n", "\n", "\n", "b\n", "\n"]
    assert list(csv_rows(lines, ",", path)) == [(1, ["text"]), (2, ["a"]), (3, [""]), (4, [""]), (5, ["b"])]
    two = ["text,label\n", "\n", "a,b\n"]
    assert [cells for _, cells in csv_rows(two, ",", path)] == [["text", "label"], ["a", "b"]]


def test_old_line_ends_are_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="save the file with line feeds"):
        list(csv_rows(["text\ra\r"], ",", tmp_path / "texts.csv"))
