"""A report for others: no text of the user is in any format, and every number is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from icldiag.page import formats
from icldiag.page.blocks import Table, Tokens
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.report.document import Report, make_report
from icldiag.report.page import page_of
from icldiag.report.redaction import HIDDEN, Redaction
from icldiag.report.schema import json_schema
from icldiag.report.settings import ReportSettings
from icldiag.report.write import FORMATS, as_json
from icldiag.session import Session

PROMPT = """\
name: Snark review
instruction: Quixotic heading zanzibar
template: "Frobnicate: {text}\\nWherefore{label}"
labels: {Person: " opera", Location: " park", Number: " bridges"}
demonstrations:
  - {text: "Who wrote the opera ?", label: Person}
  - {text: "Where is the park ?", label: Location}
  - {text: "How many bridges ?", label: Number}
queries:
  - {id: q-1, text: "canal", label: Person}
  - {text: "Where does the river meet the sea ?", label: Location}
  - {text: "How many cross 'the canal' ?", label: Number}
  - {text: "Who cross the sea ?"}
examples:
  - {text: "Who is one xylophone ?", label: Person}
  - {text: "Who is two xylophone ?", label: Person}
  - {text: "Where one xylophone ?", label: Location}
  - {text: "Where two xylophone ?", label: Location}
  - {text: "How many one xylophone ?", label: Number}
  - {text: "How many two xylophone ?", label: Number}
"""
#: Words of the prompt that no sentence of ours has.
WORDS = (
    *("Quixotic", "zanzibar", "Snark", "Frobnicate", "Wherefore", "opera", "park", "bridges"),
    *("wrote", "river", "sea", "canal", "xylophone", "cross"),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Report:
    path = tmp_path_factory.mktemp("secret") / "prompt.yaml"
    path.write_text(PROMPT, encoding="utf-8")
    settings = ReportSettings(token_layers=(0, 1), isolate=((0,),), budget=12)
    return make_report(Session(read_prompt(path), str(model_folder)), settings=settings)


def texts_of(prompt: Prompt) -> list[str]:
    every = (*prompt.demonstrations, *prompt.queries, *prompt.examples)
    return [example.text for example in every] + [prompt.instruction or "", "Frobnicate: ", "Wherefore"]


def tokens_of(report: Report) -> set[str]:
    """Every token of every query's prompt that has a word which is not ours."""
    pieces = {piece.text.strip() for query in range(4) for piece in report.context.pieces(query)}
    return {piece for piece in pieces if piece in WORDS}


def written(report: Report, folder: Path) -> dict[str, str]:
    found = {name: write(report) for name, write in FORMATS.items()}
    formats.write_tables(page_of(report), folder / "tables")
    formats.write_figures(page_of(report), folder / "figures", "svg", lambda what, done, total: None)
    for file in (*folder.glob("tables/*"), *folder.glob("figures/*")):
        found[file.name] = file.read_text(encoding="utf-8")
    return found


def test_no_text_of_the_user_in_any_format(report: Report, tmp_path: Path) -> None:
    plain, redacted = written(report, tmp_path / "plain"), written(report.redacted(), tmp_path / "redacted")
    assert len(tokens_of(report)) > 5
    for name, text in redacted.items():
        for secret in {*texts_of(report.session.prompt), *tokens_of(report), *WORDS}:
            if len(secret) > 3:
                assert secret not in text, (name, secret, text[max(0, text.find(secret) - 200) :][:300])
        for word in WORDS:
            assert not re.search(rf"(?i)\b{word}\b", text), (name, word)
        assert str(report.session.prompt.path) not in text
    assert sum(word in plain["json"] for word in WORDS) == len(WORDS)  # the search finds what is there


def test_the_parts_of_the_prompt_have_their_labels_and_sizes(report: Report) -> None:
    (prompt,) = [part for part in page_of(report.redacted()).parts if part.name == "prompt"]
    parts = next(block for block in prompt.blocks if isinstance(block, Table) and block.name == "parts")
    shown, context = report.session.prompt.demonstrations, report.context
    names = [row[0] for row in parts.rows]
    assert names[0] == "before the demonstrations"  # the instruction
    assert names[1:] == [*(f"demonstration {place + 1}" for place in range(len(shown))), names[-1]]
    assert [row[1] for row in parts.rows][1:-1] == [report.session.prompt.label_names[one.label or 0] for one in shown]
    assert names[-1] == f"query {context.example_query + 1}"
    assert sum(int(str(row[2])) for row in parts.rows) == len(context.pieces(context.example_query))
    assert not any(isinstance(block, Tokens) for block in prompt.blocks)


def test_every_number_and_label_is_kept(report: Report) -> None:
    plain, redacted = json.loads(as_json(report)), json.loads(as_json(report.redacted()))
    known = {"redacted": True, "prompt": plain["prompt"] | {"labels": redacted["prompt"]["labels"]}}
    assert any(repair["logit_bias"] for repair in plain["repairs"]["repairs"])
    for repair in plain["repairs"]["repairs"]:
        repair["logit_bias"] = None  # its token ids tell the label words
    assert numbers(redacted) == numbers(plain | known)
    queries = redacted["prediction"]["queries"]
    assert [query["text"] for query in queries] == ["query 1", "query 2", "query 3", "query 4"]
    assert queries[0]["id"] == "q-1"
    assert [query["gold"] for query in queries] == ["Person", "Location", "Number", None]
    assert [label["name"] for label in redacted["prompt"]["labels"]] == ["Person", "Location", "Number"]
    assert redacted["prompt"]["sha256"] == plain["prompt"]["sha256"]


def numbers(value: Any) -> list[float | int | None]:
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in numbers(value[key])]
    if isinstance(value, list):
        return [number for member in value for number in numbers(member)]
    return [value] if isinstance(value, int | float) else []


def test_it_has_the_schema_of_a_report(report: Report) -> None:
    import jsonschema

    jsonschema.validate(json.loads(as_json(report.redacted())), json_schema())


def test_why_an_analysis_is_left_out_is_said_without_texts(report: Report) -> None:
    broken = replace(report, left_out={"repairs": "there are no words like 'opera' in Who wrote the opera ?"})
    assert broken.redacted().values()["left_out"] == {"repairs": f"there are no words like {HIDDEN} in demonstration 1"}


def test_apostrophes_are_no_quotations(report: Report) -> None:
    redaction = Redaction(report.session.prompt)
    kept = "the 3 texts of 'examples', the queries' lean and the labels' words, 'Person' and \"Number\""
    assert redaction.sentence(kept) == kept


def test_the_texts_of_further_fields_go_too(tmp_path: Path) -> None:
    path = tmp_path / "nli.yaml"
    path.write_text("""\
template: "Premise {premise} then {claim}: {label}"
labels: ["yes", "no"]
demonstrations: [{premise: a red kite, claim: it flies, label: "yes"}]
queries: [{premise: an old zebra, claim: it sleeps, label: "no"}]
""")
    prompt = read_prompt(path)
    shown = Redaction(prompt).prompt
    assert "zebra" not in repr(shown)
    assert "kite" not in repr(shown)
    assert shown.queries[0].text == "query 1"
    assert Redaction(prompt).sentence("it stands on an old zebra there") == "it stands on query 1 there"


def test_texts_of_a_single_word_go_too(tmp_path: Path, model_folder: Path) -> None:
    path = tmp_path / "single.yaml"
    texts = ["zalpha", "zbravo", "zcharlie", "zdelta", "zecho", "zfoxtrot", "zgolf", "zhotel"]
    rows = [f"{{text: {text}, label: {'Location' if i % 2 else 'Person'}}}" for i, text in enumerate(texts)]
    examples = [f"{{text: zex{i}, label: {'Location' if i % 2 else 'Person'}}}" for i in range(12)]
    path.write_text(
        'template: "{text} ?{label}"\nlabels: {Person: " Person", Location: " Location"}\n'
        f"demonstrations: [{', '.join(rows[:4])}]\nqueries: [{', '.join(rows[4:])}]\n"
        f"examples: [{', '.join(examples)}]\n"
    )
    report = make_report(Session(read_prompt(path), str(model_folder)), settings=ReportSettings(budget=12))
    assert {"overview", "explanation", "repairs"} <= report.results.keys()
    plain, redacted = written(report, tmp_path / "plain"), written(report.redacted(), tmp_path / "redacted")
    single = re.compile(rf"(?i)\b({'|'.join(texts)}|zex\d+)\b")
    assert single.search(plain["json"])
    for name, text in redacted.items():
        assert not single.search(text), name


def test_the_names_of_fields_go_too(tmp_path: Path, model_folder: Path) -> None:
    path = tmp_path / "fields.yaml"
    path.write_text("""\
template: "{zpremise} ?\\n{zclaim} ?{label}"
labels: {Person: " Person", Location: " Location"}
demonstrations:
  - {zpremise: Who wrote the opera, zclaim: Who, label: Person}
  - {zpremise: Where is the park, zclaim: Where, label: Location}
queries: [{zpremise: Where is the canal, zclaim: Where, label: Location}]
""")
    report = make_report(Session(read_prompt(path), str(model_folder)), ["prediction", "saliency"]).redacted()
    for name, text in written(report, tmp_path / "redacted").items():
        assert not re.search("zpremise|zclaim", text), name
    assert json.loads(as_json(report))["saliency"]["fields"].keys() == {"field 1", "field 2"}
