"""Analyses of a prompt with several text fields: the same tokens give the same answers as one text does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.calibration import content_free, random_queries
from icldiag.classifier.estimator import Classifier
from icldiag.clients.logit_bias import as_requests, logit_bias
from icldiag.clients.text import messages_with_placeholder, text_with_placeholder, with_texts
from icldiag.errors import AnalysisError
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny


def halved(example: Example) -> Example:
    first, _, rest = example.text.partition(" ")
    return Example.of({"first": first, "rest": rest}, example.label, example.id)


@pytest.fixture
def plain(prompt: Prompt) -> Prompt:
    """Without the empty query, which has no space to be cut at; with examples to repair on."""
    queries = tuple(query for query in prompt.queries if query.text)
    more = tuple(Example(f"{word} {one.text}", one.label) for one in queries for word in ("Who", "Where", "Now", "So"))
    return replace(prompt, queries=queries, examples=more)


@pytest.fixture
def fields(plain: Prompt) -> Prompt:
    parts = (tuple(map(halved, part)) for part in (plain.demonstrations, plain.queries, plain.examples))
    shown, queries, examples = parts
    template = "Question: {first} {rest}\nAnswer Type:{label}"
    return replace(
        plain, template=template, demonstrations=shown, queries=queries, examples=examples, fields=("first", "rest")
    )


def test_the_same_tokens_have_the_same_answers(tiny: Tiny, plain: Prompt, fields: Prompt) -> None:
    model = tiny()
    one, other = Session(plain, model), Session(fields, model)
    assert one.encoded.prefix == other.encoded.prefix
    np.testing.assert_array_equal(one.prediction().scores, other.prediction().scores)
    assert other.prediction().fields[0] == (("first", "Who"), ("rest", "wrote the slow film ?"))
    for flow, of_one in zip(other.flow(0).raw, one.flow(0).raw, strict=True):
        np.testing.assert_array_equal(flow, of_one)
    assert plain.hash != fields.hash


def test_every_analysis_takes_them(tiny: Tiny, fields: Prompt) -> None:
    session = Session(fields, tiny())
    assert session.overview().verdict
    for query in range(len(fields.queries)):
        assert session.explanation(query).contest.query == query
    found = session.repairs(budget=12)
    for trial in found.trials:
        assert all(set(dict(example.fields)) == {"first", "rest"} for example in trial.repair.demonstrations)
    assert session.extraction().destinations.shape[0] > 1


def test_queries_that_say_nothing(fields: Prompt) -> None:
    assert content_free(fields)[0].texts == ("N/A", "N/A")
    drawn = random_queries(fields, fields.demonstrations, 0)
    words = [{word for one in fields.demonstrations for word in one.texts[place].split()} for place in (0, 1)]
    for query in drawn:
        assert all(set(text.split()) <= known for text, known in zip(query.texts, words, strict=True))
    assert len({query.texts for query in drawn}) > 1


def test_a_classifier_takes_columns_by_name(tiny: Tiny, fields: Prompt) -> None:
    classifier = Classifier(fields, tiny(), calibration="domain-context")
    rows = [dict(query.fields) for query in fields.queries]
    columns = {name: [row[name] for row in rows] for name in reversed(fields.fields)}
    wanted = [fields.label_names[label] for label in Session(fields, tiny()).prediction().predicted]
    assert classifier.predict(rows).tolist() == classifier.predict(columns).tolist() == wanted
    assert classifier.fit(rows).predict(rows).shape == (len(rows),)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"more": range(len(rows)), **columns})
    np.testing.assert_array_equal(classifier.predict(frame), classifier.predict(rows))
    wrong: Any
    for wrong, told in (
        (["Who wrote ?"], "text 1 (index 0): the template has 2 fields ({first}, {rest}), not one text"),
        ([rows[0], {"first": "a"}], "text 2 (index 1): there is no text for the field {rest}"),
        ([{"first": "a", "rest": 1}], "text 1 (index 0) is no text but int"),
        ({"first": ["a"]}, "there is no column 'rest' for the field {rest}; did you mean 'first'? there are first"),
        ({"first": ["a"], "rest": []}, "not as many texts each"),
        (frame[["first"]], "there is no column 'rest'"),
    ):
        with pytest.raises(AnalysisError) as caught:
            classifier.predict(wrong)
        assert told in str(caught.value)


def test_other_programs_get_a_sign_for_each_text(tiny: Tiny, fields: Prompt) -> None:
    session = Session(fields, tiny())
    written = text_with_placeholder(fields, session.model.tokenizer)
    assert written.endswith("Question: {first} {rest}\nAnswer Type:")
    odd = fields.example({"first": "{rest}", "rest": "{first}"})
    assert with_texts(written, odd) == fields.written(odd)
    assert messages_with_placeholder(fields)[-1]["content"] == "Question: {first} {rest}\nAnswer Type:"
    with pytest.raises(AnalysisError, match="leave out --placeholder"):
        text_with_placeholder(fields, session.model.tokenizer, "X")
    answers = ["Person"] * len(fields.queries)
    bias = logit_bias(session.encoded, session.model.tokenizer)
    requests = as_requests(bias, session.encoded, session.model.tokenizer, "m", answers)
    assert requests["placeholders"] == {"first": "{first}", "rest": "{rest}"}
    assert requests["expected"][0]["rest"] == "wrote the slow film ?"


def test_reports_name_each_text(tiny: Tiny, fields: Prompt, tmp_path: Path) -> None:
    from icldiag.report.document import make_report
    from icldiag.report.read import read_report
    from icldiag.report.settings import ReportSettings
    from icldiag.report.write import as_json, as_markdown

    session = Session(fields, tiny())
    report = make_report(session, ["prediction", "saliency"], ReportSettings())
    path = tmp_path / "report.json"
    path.write_text(as_json(report))
    read = read_report(path)
    assert read["prompt"]["fields"] == ["first", "rest"]
    assert read["prompt"]["demonstrations"][0]["fields"]["first"] == "Who"
    assert read["prediction"]["queries"][0]["fields"]["rest"] == "wrote the slow film ?"
    flows = read["saliency"]
    assert set(flows["fields"]) == {"first", "rest"}
    assert sum(flows["fields"].values()) == pytest.approx(1)
    (of_query, spans) = flows["queries"][1], [shown.texts for shown in session.encoded.demonstrations]
    into = session.flow(1).into_labels
    first = sum(into[:, i, slice(*own[0])].sum() for i, own in enumerate(spans))
    rest = sum(into[:, i, slice(*own[1])].sum() for i, own in enumerate(spans))
    assert of_query["fields"]["first"] == pytest.approx(first / (first + rest), rel=1e-5)
    page = as_markdown(report)
    assert "share of each field's tokens" in page
    assert "Of what flows from the texts into their label words" in flows["reading"]


def test_a_split_elsewhere_is_another_query(tiny: Tiny, fields: Prompt, tmp_path: Path) -> None:
    """Texts are told apart by field, though joined they are the same."""
    from icldiag.page.terminal import page_as_text
    from icldiag.report.difference import difference_page
    from icldiag.report.document import make_report
    from icldiag.report.read import read_report
    from icldiag.report.write import as_json

    splits = [{"first": "a / b", "rest": "c"}, {"first": "a", "rest": "b / c"}]
    model = tiny()
    reports = []
    for split in splits:
        example = fields.example(split, 0)
        shown = (example, *fields.demonstrations[1:])
        changed = replace(fields, queries=(example, *fields.queries), demonstrations=shown)
        path = tmp_path / "report.json"
        path.write_text(as_json(make_report(Session(changed, model), ["prediction"])))
        reports.append(read_report(path))
    page = page_as_text(difference_page(reports[0], reports[1], ("x", "y")))
    assert "1 query only in a" in page and "1 query only in b" in page
    assert "first: a / b; rest: c" in page and "first: a; rest: b / c" in page
