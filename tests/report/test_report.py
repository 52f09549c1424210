"""Reports: the JSON keeps its names and holds no NaN; Markdown shows users' text as typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.errors import AnalysisError, IcldiagError
from icldiag.prompt.schema import Example, Prompt
from icldiag.report.document import SECTIONS, chosen_sections, make_report, plain
from icldiag.report.text import prose
from icldiag.report.write import as_json, as_markdown, write_whole
from icldiag.session import Session
from tests.conftest import Tiny


def test_the_json_keeps_its_names(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    document = json.loads(as_json(make_report(session, ["prediction", "confusion"])))
    assert document["schema"] == "icldiag-report/1"
    assert set(document) == {"schema", "icldiag", "model", "prompt", "prediction", "confusion"}
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


def test_only_the_chosen_sections(prompt: Prompt, tiny: Tiny) -> None:
    assert "confusion" not in make_report(Session(prompt, tiny()), ["prediction"]).values()
    assert chosen_sections(None) == list(SECTIONS)
    assert chosen_sections(["confusion", "prediction"]) == ["prediction", "confusion"]
    with pytest.raises(AnalysisError, match=r"'salience'.*choose from prediction, confusion"):
        chosen_sections(["salience"])


def test_no_terminal_sequence_gets_out(prompt: Prompt, tiny: Tiny) -> None:
    nasty = "a\x1b[31m\x9b2J\u202e <script> | `x` [b](c) \x07"
    queries = (Example(nasty, 0), *prompt.queries)
    report = make_report(Session(prompt.with_queries(queries), tiny()))
    for text in (as_json(report), as_markdown(report)):
        assert not any(character in text for character in "\x1b\x9b\u202e\x07")
    assert json.loads(as_json(report))["prediction"]["queries"][0]["text"] == nasty
    assert "<script>" not in as_markdown(report)


def test_markdown_escapes() -> None:
    assert prose("a|b *c* <d> [e](f) `g` # h_i") == r"a\|b \*c\* &lt;d&gt; \[e\]\(f\) \`g\` \# h\_i"
    assert prose("line\nbreak") == "line⏎break"


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
