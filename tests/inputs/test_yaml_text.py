"""YAML: what is refused, with its line and cure; what is read stays as it is typed, by either of PyYAML's parsers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from icldiag.errors import PromptError
from icldiag.inputs import yaml_text
from icldiag.inputs.yaml_text import parse_yaml
from icldiag.samples import sample_names, sample_path

PATH = Path("p.yaml")


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('a: b\nc: "x\x05y"', 2, "U+0005 cannot stand in YAML; remove it, or write \\x05"),
        ("a\0", 1, "U+0000"),
        ("- x\n- \x9b31m", 2, "U+009B"),
        ("- x\n\n- \ufffe", 3, "U+FFFE"),
        ("a: &a [*a]", 1, "the alias '*a' stands inside what it repeats"),
        ("a: b\nc: &a\n  <<: *a", 3, "the alias '*a' stands inside what it repeats"),
        ("a: *none", 1, "there is no '&none' before this alias"),
        (bomb(9), 5, "the aliases repeat far more than is written"),
        ("- &a " + "x" * 100_000 + "\n- *a" * 5000, None, "the aliases repeat far more"),
        ("a: b\n? [x]\n: y", 2, "a list or mapping cannot be a key"),
        ("? {a: b}\n: y", 1, "a list or mapping cannot be a key"),
        ("a: {null: y}", 1, "null cannot be a key"),
        ("!!int 5: y", 1, "5 cannot be a key"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' is written twice"),
        ("a: !!bool x", 1, "'x' is no '!!bool'"),
        ("a: !!int ''", 1, "'' is no '!!int'"),
        ("a: !!float x", 1, "'x' is no '!!float'"),
        (f"a: !!int {'9' * 5000}", 1, "a number of more than 300 digits"),
        (f"a: !!int 0x{'f' * 5000}", 1, "a number of more than 300 digits"),
        ("a: !!timestamp x", 1, "the tag '!!timestamp' is not read here; remove it"),
        ("a: !!binary aGk=", 1, "the tag '!!binary' is not read here"),
        ("a: !!set {b, c}", 1, "the tag '!!set' is not read here"),
        ("a: !!python/object/apply:os.system [id]", 1, "is not read here"),
        ("a: !own x", 1, "the tag '!own' is not read here"),
        ("a: !" + "x" * 5000 + " y", 1, "is not read here"),
        ("[" * 5000, 1, "nested more than 100 levels deep"),
        ("- " * 5000, 1, "nested more than 100 levels deep"),
        ("\n".join(" " * n + "a:" for n in range(300)), 101, "nested more than 100 levels deep"),
        ("a: b\nc: d: e", 2, "not valid YAML: mapping values are not allowed here; put quotes"),
        ('a: b\n\nc: "\\U00110000"', 3, "not valid YAML"),
        ('a: "\\ud800"', 1, "half a character"),
        ("a: b\n---\nc: d", 2, "a second document begins"),
        ("{" + "k" * 200_000, 1, "not valid YAML"),
    ],
)
def test_what_is_refused(text: str, line: int | None, words: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_yaml(text, PATH)
    assert caught.value.path == PATH
    assert line is None or caught.value.line == line
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_nothing_is_guessed() -> None:
    text = "a: No\nb: 1.0\nc: 2024-01-01\nd: ~\ne: 'null'\nf:\nh: <<\ni: !!str null\nj: !!int 0x1F\nk: !!bool yes"
    value, _ = parse_yaml(text, PATH)
    read = {"a": "No", "b": "1.0", "c": "2024-01-01", "d": None, "e": "null", "f": None, "h": "<<"}
    assert value == {**read, "i": "null", "j": 31, "k": True}
    assert parse_yaml("", PATH)[0] is None
    assert parse_yaml("# nothing\n", PATH)[0] is None


def test_aliases_repeat_what_is_written() -> None:
    value, lines = parse_yaml("a: &x\n  - b\n  - c: d\nq: *x\nr: [*x, *x]", PATH)
    assert value == {"a": ["b", {"c": "d"}], "q": ["b", {"c": "d"}], "r": [["b", {"c": "d"}]] * 2}
    assert [lines.of(place) for place in [("a",), ("a", 0), ("a", 1, "c"), ("q", 1), ("r", 1)]] == [1, 2, 3, 4, 5]


def read_by(parser: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(yaml_text, "_parsers", lambda text: iter([parser]))
    try:
        value, lines = parse_yaml(text, PATH)
    except (PromptError, AssertionError):
        return None
    return value, {place: lines.of(place) for place in _places(value)}


def _places(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, member in members for found in _places(member, (*place, key)))]


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
def test_libyaml_reads_what_pyyaml_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What both accept has the same values in the same lines."""
    draw, compared = random.Random(0), 0
    texts = [sample_path(name).read_text(encoding="utf-8") for name in sample_names()]
    texts.append(
        "a: &x [1, \"two\", 'th''ree', ~]\nb: *x\nc: >-\n  fold\n  ed\n\nd: |+\n  as\n   is\n\n? e\n: {f: g}\n"
    )
    pieces = [*" \n:-[]{},#&*|>'\"?~ax", "\n  ", "\n- ", ": ", "- ", "? ", " #", "\r\n", "\\n", "é", "\u2028", "\x85"]
    for text in texts * 20:
        characters = list(text[: text.rfind("\n", 0, 900) + 1])
        for _ in range(draw.randrange(3)):
            characters.insert(draw.randrange(len(characters)), draw.choice(pieces))
        changed = "".join(characters)
        fast = read_by(yaml.CSafeLoader, changed, monkeypatch)
        slow = read_by(yaml.SafeLoader, changed, monkeypatch)
        if fast is not None and slow is not None:  # libyaml also reads {a: b?}
            compared += 1
            assert fast == slow
    assert compared > 50
