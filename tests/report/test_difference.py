"""Two reports compared: what differs is told, what is the same is not, what cannot be compared is said."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from icldiag.cli import main
from icldiag.page.blocks import Page, Part, Table
from icldiag.page.html import page_as_html
from icldiag.page.terminal import page_as_text
from icldiag.page.text import ranges
from icldiag.prompt.schema import Example, Prompt
from icldiag.report.answers import matched_queries
from icldiag.report.difference import difference_page
from icldiag.report.document import make_report
from icldiag.report.read import ReportFileError, read_report
from icldiag.report.settings import ReportSettings
from icldiag.report.setup import setup_rows
from icldiag.report.write import as_json
from icldiag.session import Session
from tests.conftest import Tiny

Values = dict[str, Any]


@pytest.fixture
def values(prompt: Prompt, tiny: Tiny, tmp_path: Path) -> Values:
    path = tmp_path / "a.json"
    path.write_text(as_json(make_report(Session(prompt, tiny()), settings=ReportSettings(draws=2))))
    return read_report(path)


def part(page: Page, name: str) -> Part:
    return next(part for part in page.parts if part.name == name)


def rows(found: Part) -> tuple[tuple[Any, ...], ...]:
    return next(block for block in found.blocks if isinstance(block, Table)).rows


def numbers(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where they stand."""
    if isinstance(value, dict | list):
        for part, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(member, (*place, part))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place


def test_a_report_does_not_differ_from_itself(values: Values) -> None:
    page = difference_page(values, values, ("x", "x"))
    assert setup_rows(values, values) == []
    assert [text for _, text in page.summary["What differs"]] == [
        "The set-ups are the same.",
        f"Accuracy on the 5 queries of both: {values['prediction']['accuracy']:.2f} in a, "
        f"{values['prediction']['accuracy']:.2f} in b; 0 of 6 answers differ, 0 fixed and 0 broken.",
        "No pair's measured separation changed.",
        "No intervention's label loyalty changed.",
    ]
    assert rows(part(page, "answers")) == ()


def test_mended_and_broken_are_counted_against_gold(values: Values) -> None:
    a, b = deepcopy(values), deepcopy(values)
    labels = values["prediction"]["labels"]
    for report, answers in ((a, [0, 0, 0, 0, 0, 2]), (b, [1, 1, 2, 1, 2, 2])):
        for query, answer in zip(report["prediction"]["queries"], answers, strict=True):
            query["predicted"] = labels[answer]
    page = difference_page(a, b, ("x", "y"))
    # gold is 0, 1, 2, unknown, 1, 2
    effects = {row[1]: row[-1] for row in rows(part(page, "answers"))}
    texts = [query["text"] for query in a["prediction"]["queries"]]
    assert effects == {texts[0]: "broken", texts[1]: "fixed", texts[2]: "fixed", texts[3]: None, texts[4]: None}
    assert [row[0] for row in rows(part(page, "answers"))] == [2, 3, 1, 4, 5]
    assert "0.40 in a, 0.60 in b; 5 of 6 answers differ, 2 fixed and 1 broken (exact sign test, p = 1)" in (
        part(page, "answers").reading
    )


def test_queries_that_were_relabelled_are_said_to_be_left_out(values: Values) -> None:
    a, b = deepcopy(values), deepcopy(values)
    labels = values["prediction"]["labels"]
    for query, gold in zip(b["prediction"]["queries"], [0, 2, None, 1, 2, 2], strict=True):  # in a 0, 1, 2, -, 1, 2
        query["gold"] = None if gold is None else labels[gold]
    left_out = (
        "Not counted as right or wrong: 2 queries with another gold label in b, 1 query with a gold label only in a, "
        "1 query with a gold label only in b."
    )
    reading = part(difference_page(a, b, ("x", "y")), "answers").reading
    assert reading.startswith("Accuracy on the 2 queries of both: ")
    assert reading.endswith(f"0 fixed and 0 broken. {left_out}")
    b["model"]["name"] += "-other"
    assert left_out in part(difference_page(a, b, ("x", "y")), "answers").reading


def test_queries_are_matched_by_text_also_where_it_repeats(values: Values) -> None:
    a, b = deepcopy(values), deepcopy(values)
    b["prediction"]["queries"].reverse()
    b["prediction"]["queries"][0]["text"] = "another"
    twice = deepcopy(a["prediction"]["queries"][0])
    a["prediction"]["queries"].append(twice)
    found = part(difference_page(a, b, ("x", "y")), "answers")
    assert rows(found) == ()
    assert "0 of 5 answers differ" in found.reading
    text = page_as_text(difference_page(a, b, ("x", "y")))
    assert "- 2 queries only in a" in text
    assert "- 1 query only in b" in text


def test_changed_answers_are_found_again_by_number_and_id(values: Values) -> None:
    a, b = deepcopy(values), deepcopy(values)
    b["prediction"]["queries"].insert(0, deepcopy(b["prediction"]["queries"][5]) | {"text": "only in b"})
    changed = b["prediction"]["queries"][3]
    changed["predicted"] = next(label for label in b["prediction"]["labels"] if label != changed["predicted"])
    changed["id"] = "doc 3"
    found = next(table for table in part(difference_page(a, b, ("x", "y")), "answers").blocks)
    assert isinstance(found, Table)
    assert found.columns[:4] == ("number a", "number b", "id", "query")
    assert [row[:4] for row in found.rows] == [(3, 4, "doc 3", a["prediction"]["queries"][2]["text"])]


def test_other_settings_prompts_and_layers(values: Values, prompt: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    shown = (*prompt.demonstrations[:3], Example("Who [/red] <script> ?", 0))
    session = Session(replace(prompt, demonstrations=shown), tiny("llama"))
    path = tmp_path / "b.json"
    path.write_text(as_json(make_report(session, ["prediction", "confusion"], ReportSettings(layer=1))))
    other = read_report(path)
    other["model"]["layers"] = 5
    told = {row[0]: row[1:] for row in setup_rows(values, other)}
    assert told["settings layer"] == (None, "1")
    assert told["prompt demonstration 4"][1] == "Who [/red] <script> ? (Person)"
    assert told["model architecture"] == ("GPT2LMHeadModel", "LlamaForCausalLM")
    assert "prompt sha256" not in told
    other["settings"]["beta"] = [[[0.5, -1.0]]]
    beta = next(row for row in setup_rows(values, other) if row[0] == "settings beta")
    assert beta[1] is None
    assert str(beta[2]).startswith("a trained one, 1 x 1 x 2 (layers, heads, demonstrations), sha256 ")
    page = difference_page(values, other, ("x", "y"))
    assert [found.name for found in page.parts] == ["setup", "answers", "pairs", "layers"]
    assert "layers are not compared" in page_as_text(page)
    assert "<script>" not in page_as_html(page)
    assert "Who [/red] <script> ? (Person)" in page_as_text(page).replace("\n", " ")


def test_reports_from_before_the_schema_was_published_are_read(values: Values, tmp_path: Path) -> None:
    old = {key: value for key, value in values.items() if key not in ("environment", "command", "made", "left_out")}
    for name in ("prediction", "confusion"):
        del old[name]["reading"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps({key: value for key, value in old.items() if value is not None}))
    assert setup_rows(read_report(path), values)[0][0] == "version of torch"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("{", "a.json:1: not JSON"),
        ("[]", "not a report of icldiag"),
        ("[" * 50_000, "a.json:1: not JSON of a report (nested more than 100 levels deep"),
        ('{"schema":\n' + "9" * 5000 + "}", "a.json:2: not JSON of a report (a number of more than 300 digits"),
        ('{"schema": NaN}', "NaN is no number"),
        ('{"\\ud800": 1}', "half a character"),
        ('{"schema": "icldiag-report/9"}', "schema: Input should be 'icldiag-report/1'"),
        ('{"schema": "icldiag-report/1", "icldiag": "1"}', "model: Field required"),
    ],
)
def test_what_is_no_report_is_told_with_its_place(content: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ReportFileError) as caught:
        read_report(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "--format json" in str(caught.value) or "again" in str(caught.value)


def test_a_number_that_was_made_text_is_refused(values: Values, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    untyped = ("settings", "calibration", "left_out")
    places = [place for place in numbers(json.loads(path.read_text())) if place[0] not in untyped]
    assert len({place[0] for place in places}) > 8
    unseen = []
    for place in {place[:2]: place for place in places}.values():
        document = json.loads(path.read_text())
        inside = document
        for part in place[:-1]:
            inside = inside[part]
        inside[place[-1]] = str(inside[place[-1]])
        path_of_copy = tmp_path / "copy.json"
        path_of_copy.write_text(json.dumps(document))
        try:
            read_report(path_of_copy)
        except ReportFileError as error:
            assert "make the report again" in str(error)
        else:
            unseen.append(place)
    assert unseen == []


def test_the_command(
    values: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a, out = tmp_path / "a.json", tmp_path / "out.html"
    for arguments in ((str(a), str(a)), (str(a), str(a), "--format", "html", "-o", str(out))):
        monkeypatch.setattr(sys, "argv", ["icldiag", "diff", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code
    assert "The set-ups are the same." in capsys.readouterr().out
    assert "<h2>Pairs of labels</h2>" in out.read_text()
    monkeypatch.setattr(sys, "argv", ["icldiag", "diff", str(a), str(a), "-o", str(tmp_path / "c.json")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "a comparison is not written as json: --format is one of md, html, text, latex" in told
    assert not (tmp_path / "c.json").exists()


def test_a_report_that_contradicts_itself_is_one_sentence(values: Values) -> None:
    for key, change in (("predicted", "nobody"), ("probabilities", [])):
        other = copy.deepcopy(values)
        other["prediction"]["queries"][0] |= {"predicted": "someone", key: change}
        with pytest.raises(ReportFileError, match=r"one of a.json and b.json contradicts itself .*; make both again"):
            difference_page(values, other, ("a.json", "b.json"))


def test_ranges_of_layers() -> None:
    assert [ranges(layers) for layers in ((), (3,), (0, 1, 2, 5), (0, 2, 3))] == ["", "3", "0-2, 5", "0, 2-3"]


def redacted_values(prompt: Prompt, tiny: Tiny, path: Path) -> Values:
    path.write_text(as_json(make_report(Session(prompt, tiny()), settings=ReportSettings(draws=2)).redacted()))
    return read_report(path)


@pytest.mark.parametrize("swapped", [False, True])
def test_placeholders_of_a_redacted_report_are_not_compared(
    values: Values, prompt: Prompt, tiny: Tiny, tmp_path: Path, swapped: bool
) -> None:
    pair = [values, redacted_values(prompt, tiny, tmp_path / "b.json")]
    a, b = reversed(pair) if swapped else pair
    assert setup_rows(a, b) == []
    page = difference_page(a, b, ("x", "y"))
    letter = "a" if swapped else "b"
    assert part(page, "setup").reading == (
        f"The set-ups are the same. {letter} is redacted: names, template and texts cannot be compared; by their "
        "SHA-256 the prompts are the same."
    )
    told = part(page, "answers").reading
    assert told.endswith("0 fixed and 0 broken.")
    assert f"Accuracy on the {len(prompt.queries)} queries of both" in told or "0 of" in told


def test_what_is_known_of_a_redacted_report_is_compared(
    values: Values, prompt: Prompt, tiny: Tiny, tmp_path: Path
) -> None:
    changed = replace(prompt, demonstrations=prompt.demonstrations[1:] + prompt.demonstrations[:1], scoring="whole")
    b = redacted_values(changed, tiny, tmp_path / "b.json")
    told = {row[0] for row in setup_rows(values, b)}
    assert {"prompt scoring", "prompt sha256"} <= told
    assert not any("template" in str(name) or "separator" in str(name) or "name" in str(name) for name in told)
    assert all(
        " " not in str(row[1]) for row in setup_rows(values, b) if "demonstration" in str(row[0])
    )  # labels alone
    page = difference_page(values, b, ("x", "y"))
    assert part(page, "answers").reading.startswith("Which queries the reports have in common is not known")


def test_queries_of_redacted_reports_are_matched_by_their_ids(
    values: Values, prompt: Prompt, tiny: Tiny, tmp_path: Path
) -> None:
    named = replace(prompt, queries=tuple(replace(one, id=f"q{at}") for at, one in enumerate(prompt.queries)))
    a = redacted_values(named, tiny, tmp_path / "a2.json")
    fewer = replace(named, queries=named.queries[1:])
    b = redacted_values(fewer, tiny, tmp_path / "b2.json")
    assert [(old[0], new[0]) for old, new in matched_queries(a, b)] == [
        (at + 1, at) for at in range(1, len(prompt.queries))
    ]
    blank = copy.deepcopy(b)
    for query in blank["prediction"]["queries"]:
        query["id"] = None
    assert list(matched_queries(a, blank)) == []  # "query 1" of the one is not "query 1" of the other
