"""JSON: what is refused, with its line, and where every value stands."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.inputs.json_text import parse_json

PATH = Path("p.json")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[" * 100_000, 1, "nested more than 100 levels deep"),
        ('{"a":\n' + '[{"a":' * 200 + "1" + "}]" * 200 + "}", 2, "nested more than 100 levels deep"),
        ('{"a":\n ' + "9" * 5000 + "}", 2, "a number of more than 300 digits"),
        ("[0.\n" + "1" * 400 + "]", 2, "a number of more than 300 digits"),
        ('["\\"{[",\n NaN]', 2, "NaN is no number"),
        ("[1,\n\n-Infinity]", 3, "-Infinity is no number"),
        ("[1.5,\n1e999]", 2, "1e999 is no number"),
        ('{"a": {"b": 1},\n"b": 2,\n"b": 3}', 3, "the key 'b' is written twice"),
        ('{"x": [{"k": 1},\n{"k": 2, "k": 3}]}', 2, "the key 'k' is written twice"),
        ('{"\\ud800": 1}', 1, "half a character"),
        ('{"a":\n{"b": ["\\ude00\\ud83d"]}}', 2, "half a character"),
        ('{"a": "\n"}', 1, "not valid JSON"),
        ('{"a": 1\n"b": 2}', 2, "not valid JSON"),
        ('"' + "a" * 100_000, 1, "not valid JSON: Unterminated string"),
        ('"' * 50_001, 1, "not valid JSON"),
        ("", None, "there is nothing in it, and it should hold JSON; check the path"),
        (" \n\n", None, "there is nothing in it"),
        ('{"a": 1,\n b}', 2, "enclosed in double quotes at character 2; correct it there"),
        ('{"' + "k" * 500 + '": 1, "' + "k" * 500 + '": 1}', 1, "the key 'kkk"),
    ],
)
def test_what_is_refused(text: str, line: int | None, words: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_json(text, PATH)
    assert (caught.value.line, caught.value.path) == (line, PATH)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250


def test_what_python_writes_is_read_where_numbers_may_be_none() -> None:
    value, _ = parse_json('{"a": [NaN, -Infinity, 1e999]}', PATH, finite=False)
    assert json.dumps(value) == '{"a": [NaN, -Infinity, Infinity]}'


def test_texts_like_numbers_and_brackets_are_texts() -> None:
    text = json.dumps({"a": "[" * 500, "b": "9" * 5000, "c": "\\ud800", "d": "\U0001f600", "e": '"{'})
    assert parse_json(text, PATH)[0] == json.loads(text)


def test_every_value_has_its_line() -> None:
    text = '{"a": {"b": [1,\n {"c":\n "d"}, []]},\n "q"\n:\n "x"}'
    value, lines = parse_json(text, PATH, first=10)
    assert value == {"a": {"b": [1, {"c": "d"}, []]}, "q": "x"}
    places = [(), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "c"), ("a", "b", 2), ("q",)]
    assert [lines.of(place) for place in places] == [10, 10, 11, 11, 12, 13]
    assert lines.of(("a", "b", 2, "none", 5)) == 12


def test_lines_are_those_of_values_that_are_drawn() -> None:
    """Written with a line for every value, so that its line is known."""
    draw = random.Random(0)

    def make(depth: int) -> object:
        kind = draw.randrange(4 if depth < 4 else 2)
        if kind == 2:
            return [make(depth + 1) for _ in range(draw.randrange(4))]
        if kind == 3:
            return {draw.choice("abc") + str(n): make(depth + 1) for n in range(draw.randrange(4))}
        return draw.choice(["x", "]", '"', "\\", 1, -2.5, True, None])

    for _ in range(100):
        value = make(0)
        text = json.dumps(value, indent=1)
        parsed, lines = parse_json(text, PATH)
        assert parsed == value
        pending: list[tuple[tuple[str | int, ...], object]] = [((), value)]
        while pending:
            place, part = pending.pop()
            line = lines.of(place)
            assert line is not None
            shown = text.split("\n")[line - 1].strip()
            first = json.dumps(part, indent=1).split("\n")[0]
            assert shown.rstrip(",").endswith(first)
            if isinstance(part, dict):
                pending += [((*place, key), member) for key, member in part.items()]
            elif isinstance(part, list):
                pending += [((*place, index), member) for index, member in enumerate(part)]
