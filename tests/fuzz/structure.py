"""Breakage that knows the structure: a field dropped, doubled, renamed, of another kind, or in another's place."""

from __future__ import annotations

import copy
import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import yaml

from tests.fuzz.nasties import TEXTS

_ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        5,
        -1,
        -1.5,
        10**30,
        1e300,
        2**63,
        "x",
        "",
        " ",
        "5",
        "true",
        [],
        {},
        [[]],
        [None],
        {"a": 1},
        {"": ""},
    ),
    *(
        [1, "x", None],
        ["x"] * 300,
        [{}],
        [[[[]]]],
        {"file": "nosuch.csv"},
        {"text": "x"},
        {"text": "x", "label": "good"},
        [0.5] * 9,
    ),
)
_MARK = "RAW{}RAW"

Place = tuple[Any, Any]  # a list or mapping, and an index or key in it


def broken_document(content: bytes, suffix: str, pieces: Sequence[str], draw: random.Random) -> bytes | None:
    """The JSON, JSONL or YAML with one thing changed; None where it cannot be parsed any more."""
    try:
        document = _parsed(content, suffix)
        raw: list[str] = []
        root = [copy.deepcopy(document)]
        _change(root, pieces, raw, draw)
        text = _written(root[0], suffix, draw)
    except Exception:  # of what is broken already; PyYAML raises many things
        return None
    for number, piece in enumerate(raw):
        sign = _MARK.format(number)
        text = text.replace(f'"{sign}"', piece).replace(sign, piece)
    return text.encode("utf-8", "surrogatepass")


def _parsed(content: bytes, suffix: str) -> Any:
    text = content.decode()
    if suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if suffix == ".json":
        return json.loads(text)
    if len(text) > 5000 or any(sign in text for sign in ("&", "*", "!!", "<<")):
        raise ValueError("what is broken already may be a bomb, or slow to parse")
    return yaml.safe_load(text)


def _written(value: Any, suffix: str, draw: random.Random) -> str:
    if suffix == ".jsonl":
        rows = value if isinstance(value, list) else [value]
        return "".join(f"{json.dumps(row, ensure_ascii=draw.random() < 0.5)}\n" for row in rows)
    if suffix == ".yaml" and draw.random() < 0.5:
        return yaml.safe_dump(value, allow_unicode=draw.random() < 0.5, sort_keys=False)
    return json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 1)))


def _places(value: Any) -> Iterator[Place]:
    """Every member of every list and mapping, the outer first."""
    members = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, member in members:
        yield value, key
        if isinstance(member, dict | list):
            yield from _places(member)


def _change(root: list[Any], pieces: Sequence[str], raw: list[str], draw: random.Random) -> None:
    places = list(_places(root))
    within, key = draw.choice(places if draw.random() < 0.8 else places[: max(len(places) // 4, 1)])

    def piece() -> str:
        raw.append(draw.choice(pieces))
        return _MARK.format(len(raw) - 1)

    def odd() -> Any:
        chance = draw.random()
        return draw.choice(TEXTS) if chance < 0.45 else piece() if chance < 0.75 else copy.deepcopy(draw.choice(_ODD))

    kind = draw.choice(("set", "set", "set", "edit", "drop", "key", "add", "swap", "wrap", "many", "copy"))
    if kind == "set" or within is root:
        within[key] = odd()
    elif kind == "edit":
        text = str(within[key]) if not isinstance(within[key], dict | list) else ""
        cut = draw.randint(0, len(text))
        within[key] = text[:cut] + draw.choice(TEXTS) + text[cut:]
    elif kind == "drop":
        del within[key]
    elif kind == "swap":
        other, place = draw.choice(places[1:] or places)
        within[key], other[place] = copy.deepcopy((other[place], within[key]))
    elif kind == "wrap":
        within[key] = [within[key]] if draw.random() < 0.5 else {draw.choice(TEXTS): within[key]}
    elif kind == "copy":
        within[key] = copy.deepcopy(draw.choice(places)[0])
    elif isinstance(within, dict):
        name = draw.choice(TEXTS) if draw.random() < 0.5 else piece() if draw.random() < 0.2 else f"{key}x"
        if kind == "many":
            within.update({f"{key}{number}": within[key] for number in range(draw.choice((2, 300)))})
        else:
            within[name] = within.pop(key) if kind == "key" else odd()
    elif kind == "many":
        within[key:key] = [within[key]] * draw.choice((1, 20, 500))
    else:
        within.insert(key, odd())


def broken_table(content: bytes, suffix: str, pieces: Sequence[str], draw: random.Random) -> bytes | None:
    """The CSV or TSV with one cell, row or column changed; None where it cannot be parsed any more."""
    delimiter = "\t" if suffix == ".tsv" else ","
    try:
        rows = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, strict=True))
    except (ValueError, csv.Error):
        return None
    if not rows or not all(rows):
        return None
    row = draw.choice(rows[:1] if draw.random() < 0.2 else rows)
    place, kind = (
        draw.randrange(len(row)),
        draw.choice(("cell", "cell", "cell", "drop", "add", "column", "rows", "swap")),
    )
    if kind == "cell":
        row[place] = draw.choice(pieces)
    elif kind == "drop":
        del row[place]
    elif kind == "add":
        row.insert(place, draw.choice(pieces))
    elif kind == "column":
        for one in rows:
            one.append(draw.choice(pieces) if draw.random() < 0.1 else one[0])
    elif kind == "rows":
        rows[1:1] = [row] * draw.choice((1, 300))
    else:
        other = draw.choice(rows)
        row[place], other[-1] = (other[-1], row[place]) if other else (row[place], "")
    made = io.StringIO()
    ends = draw.choice(("\n", "\n", "\r\n", "\r"))
    quoting: Literal[0, 1] = csv.QUOTE_ALL if draw.random() < 0.5 else csv.QUOTE_MINIMAL
    csv.writer(
        made, delimiter=draw.choice((delimiter, delimiter, ";", "|")), lineterminator=ends, quoting=quoting
    ).writerows(rows)
    return made.getvalue().encode("utf-8", "surrogatepass")
