"""Reports: the JSON keeps its names and holds no NaN; Markdown shows users' text as typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.analyses import ANALYSES
from icldiag.analyses.repairs import FindRepairs, Repairs
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.errors import AnalysisError, Cancelled, IcldiagError
from icldiag.files import write_whole
from icldiag.page.blocks import Table
from icldiag.page.markdown import prose
from icldiag.prompt.schema import Example, Prompt
from icldiag.report.document import chosen_sections, make_report, plain
from icldiag.report.settings import ReportSettings, layers_from
from icldiag.report.write import as_json, as_markdown
from icldiag.session import Session
from icldiag.store import Store
from tests.conftest import Tiny


def test_the_json_keeps_its_names(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    document = json.loads(as_json(make_report(session, ["prediction", "confusion"])))
    assert document["schema"] == "icldiag-report/1"
    assert {"schema", "icldiag", "model", "prompt", "settings", "prediction", "confusion"} <= set(document)
    assert set(ANALYSES) & set(document) == {"prediction", "confusion"}
    prediction, confusion = document["prediction"], document["confusion"]
    assert prediction["labels"] == ["Person", "Location", "Number"]
    assert prediction["accuracy"] == session.prediction().accuracy
    query = prediction["queries"][1]
    assert query["text"] == prompt.queries[1].text
    assert query["gold"] == "Location"
    assert query["predicted"] in prediction["labels"]
    assert sum(query["probabilities"]) == pytest.approx(1)
    assert query["top_tokens"][0].keys() == {"text", "probability"}
    assert prediction["queries"][3]["gold"] is None
    assert confusion["layer"] == 3
    assert confusion["query_vectors"] == 10
    for matrix in ("distance", "cosine", "auc"):
        assert np.shape(confusion[matrix]) == (3, 3)
    assert {"labels", "distance", "auc", "errors"} <= set(confusion["pairs"][0])
    assert len(confusion["pairs"]) == 3


def test_undefined_numbers_are_null(prompt: Prompt, tiny: Tiny) -> None:
    blind = prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    text = as_json(make_report(Session(blind, tiny())))
    assert "NaN" not in text
    document = json.loads(text)
    assert document["prediction"]["accuracy"] is None
    assert document["confusion"]["auc"][0] == [1.0, None, None]
    assert document["confusion"]["spearman"] is None


def test_what_cannot_be_computed_is_left_out_and_named(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())  # it has no examples to train on
    document = json.loads(as_json(make_report(session)))
    assert set(ANALYSES) - set(document) == {"reweighting", "repairs"}
    assert "'examples' has 0" in document["left_out"]["reweighting"]
    assert "- no reweighting" in as_markdown(make_report(session))
    with pytest.raises(AnalysisError, match="'examples' has 0"):
        make_report(session, ["reweighting"])


def test_the_five_sections_keep_their_names(prompt: Prompt, tiny: Tiny) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny())
    document = json.loads(as_json(make_report(session)))
    saliency, isolation, extraction = document["saliency"], document["isolation"], document["extraction"]
    assert saliency["loss_target"] == "mixed"
    for name in ("text_to_label", "label_to_target", "text_to_text"):
        assert len(saliency[name]) == 4
    assert len(saliency["queries"]) == 6
    setting = isolation["settings"][0]
    assert {"cut", "layers", "label_loyalty", "word_loyalty", "probabilities"} <= set(setting)
    assert {s["cut"] for s in isolation["settings"]} == {"text_to_label", "label_to_target", "random_words"}
    assert len(extraction["aucroc"]) == len(extraction["cumulative"]) == 4
    assert np.shape(extraction["queries"][0]["attention"]) == (4, 3)
    reweighting, compression = document["reweighting"], document["compression"]
    assert np.shape(reweighting["beta"]) == (4, 4, 4)
    assert len(reweighting["loss"]) == 10
    assert {"accuracy_before", "accuracy_after", "probabilities"} <= set(reweighting)
    assert set(compression["methods"]) == {"hidden_anchor", "text_anchor", "hidden_random", "hidden_random_top"}
    anchor = compression["methods"]["hidden_anchor"]
    assert {"label_loyalty", "word_loyalty", "accuracy", "kept_positions", "probabilities"} == set(anchor)
    assert compression["speed_up"]["against_full_prompt"] > 0
    text = as_markdown(make_report(session))
    for title in ("Information flow", "Isolation", "Extraction", "Anchor re-weighting", "Context compression"):
        assert f"## {title}" in text


def test_settings_reach_the_analyses_and_are_told(prompt: Prompt, tiny: Tiny) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny())
    settings = ReportSettings(
        layer=1,
        loss_target="predicted",
        isolate=((0, 2),),
        top=3,
        draws=2,
        positions="restart",
        training=TrainingSettings(per_class=2, epochs=3),
    )
    document = json.loads(as_json(make_report(session, settings=settings)))
    assert document["settings"]["training"]["epochs"] == 3
    assert document["settings"]["beta"] is None
    assert document["confusion"]["layer"] == 1
    assert document["saliency"]["loss_target"] == "predicted"
    assert [s["layers"] for s in document["isolation"]["settings"][-3:]] == [[0, 2]] * 3
    assert document["isolation"]["top"] == 3
    assert len(document["reweighting"]["loss"]) == 3
    assert document["reweighting"]["examples"] == 6
    restarted = session.compression(positions="restart", draws=2, top=3)
    assert document["compression"]["methods"]["hidden_anchor"]["probabilities"] == plain(
        restarted.hidden_anchor.answers.probabilities
    )
    text = as_markdown(make_report(session, ["isolation"], settings))
    assert "| text -> label words | 0, 2 |" in text


def test_the_papers_other_readings_are_options_with_a_name(prompt: Prompt, tiny: Tiny) -> None:
    """Each reading gives its own numbers, and the report says which it is."""
    session = Session(prompt, tiny())
    names = ["saliency", "isolation", "extraction"]
    default = json.loads(as_json(make_report(session, names)))
    settings = ReportSettings(heads="absolute", token_layers=(1, 3), renormalise=False, against="gold")
    other = json.loads(as_json(make_report(session, names, settings)))
    assert (default["saliency"]["heads"], other["saliency"]["heads"]) == ("signed", "absolute")
    assert sum(other["saliency"]["raw"]["text_to_text"]) > sum(default["saliency"]["raw"]["text_to_text"])
    assert (default["isolation"]["renormalised"], other["isolation"]["renormalised"]) == (True, False)
    assert other["isolation"]["settings"][0]["probabilities"] != default["isolation"]["settings"][0]["probabilities"]
    assert (default["extraction"]["against"], other["extraction"]["against"]) == ("predicted", "gold")
    query = other["saliency"]["queries"][1]
    assert [view["layer"] for view in query["token_view"]] == [1, 3]
    encoded = session.encoded
    assert len(query["tokens"]) == len(encoded.prefix) + len(encoded.queries[1].ids)
    assert query["tokens"][encoded.anchors[0]].strip() in "Person"
    assert np.shape(query["token_view"][0]["into_target"]) == (len(query["tokens"]),)
    assert np.shape(query["token_view"][0]["into_labels"]) == (4, len(query["tokens"]))
    assert "tokens" not in default["saliency"]["queries"][1]
    with pytest.raises(AnalysisError, match="there is no layer 4"):
        make_report(session, ["saliency"], ReportSettings(token_layers=(4,)))


def test_every_undefined_number_has_its_reason(prompt: Prompt, tiny: Tiny) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    blind = replace(prompt, queries=(Example("Who wrote the slow film ?", None),), examples=examples)
    report = make_report(Session(blind, tiny()))
    document = json.loads(as_json(report))
    assert document["extraction"]["aucroc"] == [None] * 4
    assert "there is one query" in document["extraction"]["missing"][0]
    assert document["isolation"]["settings"][0]["accuracy"] is None
    assert document["reweighting"]["accuracy_after"] is None
    assert document["compression"]["methods"]["hidden_anchor"]["accuracy"] is None
    for name in ("isolation", "reweighting", "compression"):
        assert document[name]["missing"] == ["no accuracy: no query's gold label is known"]
    assert as_markdown(report).count("- no accuracy: no query's gold label is known") == 3


def test_layers_as_written() -> None:
    assert layers_from("0-2,5") == (0, 1, 2, 5)
    assert layers_from(" 3 ") == (3,)
    for wrong in ("", "a", "1-b", "-1", "1,,2"):
        with pytest.raises(AnalysisError, match="write layers as in 0-2,5"):
            layers_from(wrong)


def test_only_the_chosen_sections(prompt: Prompt, tiny: Tiny) -> None:
    assert "confusion" not in make_report(Session(prompt, tiny()), ["prediction"]).values()
    assert chosen_sections(None) == list(ANALYSES)
    assert chosen_sections(["confusion", "prediction"]) == ["prediction", "confusion"]
    with pytest.raises(
        AnalysisError, match=r"'salience'.*choose from overview, explanation, prediction, .*saliency, isolation"
    ):
        chosen_sections(["salience"])


def test_a_panel_s_name_asks_for_what_it_shows() -> None:
    from icldiag.tui.panels import PANELS

    titles = [panel.title for panel in PANELS if panel.title != "Prompt"]
    assert len(chosen_sections(titles)) == len(titles)
    assert chosen_sections(["Why", "heads"]) == ["explanation", "circuits"]
    with pytest.raises(AnalysisError, match="did you mean 'why'"):
        chosen_sections(["whi"])


def test_no_terminal_sequence_gets_out(prompt: Prompt, tiny: Tiny) -> None:
    nasty = "a\x1b[31m\x9b2J\u202e <script> | `x` [b](c) \x07"
    queries = (Example(nasty, 0), *prompt.queries)
    report = make_report(Session(prompt.with_queries(queries), tiny()))
    for text in (as_json(report), as_markdown(report)):
        assert not any(character in text for character in "\x1b\x9b\u202e\x07")
    assert json.loads(as_json(report))["prediction"]["queries"][0]["text"] == nasty
    assert "<script>" not in as_markdown(report)


def test_markdown_escapes() -> None:
    assert prose("a|b *c* <d> [e](f) `g` # h_i") == r"a\|b \*c\* &lt;d&gt; \[e\](f) \`g\` # h\_i"
    assert [prose(text) for text in ("- a", "1. a", "---", "== b", "2)", "-1.5", "-", "1.5")] == [
        *(r"\- a", r"1\. a", r"\---", r"\== b", r"2\)", "-1.5", "-", "1.5")
    ]
    assert prose("line\nbreak") == "line¶break"


def test_plain_values() -> None:
    assert plain({"a": np.array([1.0, np.nan]), "b": (np.float32(2), np.int64(3), float("inf"))}) == {
        "a": [1.0, None],
        "b": [2.0, 3, None],
    }


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    write_whole("new", path)
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    with pytest.raises(IcldiagError, match="choose another place"):
        write_whole("x", tmp_path / "none" / "report.json")


def test_ids_have_a_column_where_any_query_has_one(prompt: Prompt, tiny: Tiny) -> None:
    first, *others = prompt.queries
    named = prompt.with_queries([replace(first, id="doc 17"), *others])
    section = ANALYSES["prediction"].section
    for asked, columns, cell in ((named, ("id", "query"), "doc 17"), (prompt, ("query", "gold"), first.text)):
        result = Session(asked, tiny()).prediction()
        tables = {block.name: block for block in section.blocks(result, None) if isinstance(block, Table)}
        for name in {"queries", "wrong"} & set(tables):
            assert tables[name].columns[:3] == ("number", *columns)
            assert all(len(row) == len(tables[name].columns) for row in tables[name].rows)
        assert tables["queries"].rows[0][:2] == (1, cell)
    document = json.loads(as_json(make_report(Session(named, tiny()), ["prediction"])))
    assert [query["id"] for query in document["prediction"]["queries"]] == ["doc 17"] + [None] * len(others)


def test_the_words_that_a_report_uses_are_explained_in_it(prompt: Prompt, tiny: Tiny) -> None:
    text = as_markdown(make_report(Session(prompt, tiny()), ["confusion"]))
    words = text.split("## What the words mean")[1].split("\n## ")[0]
    assert "| cosine | How alike the directions" in words
    assert "Shapley" not in words


def test_a_search_that_was_stopped_is_reported_as_far_as_it_came(prompt: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    full = replace(prompt, examples=tuple(Example(f"Who is number {n} ?", n % 3) for n in range(12)))
    session = Session(full, tiny(), store=Store(tmp_path, "model", full))
    assert "repairs" in make_report(session, computed=True).left_out

    def stop(part: Repairs) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        session.ask(FindRepairs(), each=stop)
    report = make_report(session, computed=True)
    count = len(report.results["repairs"].trials)
    assert count
    said = f"The search has not ended: {count} of up to {FindRepairs().budget} candidates so far. "
    assert report.values()["repairs"]["reading"].startswith(said)
    assert "has not ended" not in make_report(session, ["repairs"]).values()["repairs"]["reading"]
