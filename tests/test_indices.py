"""Whatever index a caller gives: the right result, or one sentence that says what is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.prediction.compute import Prediction, probability_order
from icldiag.analyses.saliency.compute import saliency
from icldiag.errors import AnalysisError
from icldiag.indices import layer_index, named_query, query_index
from icldiag.prompt.edit import drop, rename_word, swap
from icldiag.prompt.encode import query_parts, query_tokens
from icldiag.prompt.schema import Prompt
from icldiag.repair_output import chosen_query
from icldiag.report.document import make_report
from icldiag.report.settings import ReportSettings, layers_from
from icldiag.session import Session
from icldiag.store import Store
from icldiag.stored_session import StoredSession
from tests.conftest import Tiny

WRONG: list[Any] = [999, -1, 10**30, 10**5000, 0.0, 1.5, float("nan"), True, np.True_, np.float32(0), "0", None, [0]]


@pytest.fixture
def session(prompt: Prompt, tiny: Tiny) -> Session:
    return Session(prompt, tiny())


def _told(call: Callable[[Any], object], index: Any, words: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        call(index)
    told = str(caught.value)
    assert words in told
    assert len(told) < 250
    assert "\n" not in told


@pytest.mark.parametrize("index", WRONG, ids=range(len(WRONG)))
def test_a_wrong_index_is_told_with_what_there_is(session: Session, index: Any) -> None:
    queries, layers = "indices 0 to 5", "the model has layers 0 to 3"
    calls: list[Callable[[Any], object]] = [
        session.query_tokens,
        session.flow,
        session.explanation,
        session.prediction().is_wrong,
        session.prediction().id_of,
        lambda given: probability_order(session.prediction(), given),
        lambda given: query_parts(session.prompt, given),
        lambda given: query_tokens(session.encoded, session.model.tokenizer, given),
        lambda given: saliency(session.model, session.encoded, [0] * 6, [given]),
    ]
    if index is not None:  # the prompt as a whole, the default layer
        calls.append(session.repairs)
        _told(session.confusion, index, layers)
    for call in calls:
        _told(call, index, queries)
    _told(lambda given: session.isolate(Cut("text_to_label", (given,))), index, layers)
    _told(lambda given: session.isolation().setting((0, given)), index, layers)
    _told(lambda given: make_report(session, ["saliency"], ReportSettings(token_layers=(given,))), index, layers)
    _told(lambda given: session.confusion().pair(0, given), index, "the prompt has 3 classes, indices 0 to 2")
    _told(lambda given: drop(session.prompt, given), index, "the prompt has 4 demonstrations, indices 0 to 3")
    _told(lambda given: swap(session.prompt, 0, given), index, "indices 0 to 3")
    _told(lambda given: rename_word(session.prompt, given, "x"), index, "indices 0 to 2")


def test_integers_of_any_type_are_the_same_index(session: Session) -> None:
    indices: list[Any] = [np.int64(1), np.uint8(1)]
    for index in indices:
        assert session.flow(index) is session.flow(1)
        assert session.explanation(index) is session.explanation(1)
        assert session.query_tokens(index) is session.query_tokens(1)
        assert session.confusion(index) is session.confusion(1)
        assert session.isolate(Cut("text_to_label", (index,))) is session.isolate(Cut("text_to_label", (1,)))
        assert session.prediction().is_wrong(index) == session.prediction().is_wrong(1)
        assert type(session.flow(index).query) is int


def test_a_cut_is_put_in_order(session: Session) -> None:
    assert session.isolate(Cut("text_to_label", [2, 0, 2])) is session.isolate(Cut("text_to_label", (0, 2)))  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match=r"kind must be 'text_to_label', .* or 'text_to_target', not 'x'"):
        session.isolate(Cut("x", (0,)))  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match=r"were cut, not \(0, 2\)"):
        session.isolation().setting((0, 2))
    with pytest.raises(AnalysisError, match="a pair is of two classes"):
        session.confusion().pair(1, 1)


def test_stored_results_check_them_too(prompt: Prompt, tiny: Tiny, session: Session, tmp_path: Any) -> None:
    store = Store(tmp_path, "tiny", prompt)
    kept = Session(prompt, tiny(), store=store)
    kept.flow(0)
    stored = StoredSession(prompt, kept.settings, store)
    np.testing.assert_array_equal(stored.flow(np.int64(0)).raw, kept.flow(0).raw)  # type: ignore[arg-type]
    for call in (stored.flow, stored.query_tokens, stored.explanation):
        _told(call, -1, "there is no query -1 (indices count from 0); the prompt has 6 queries, indices 0 to 5")


def test_the_form() -> None:
    with pytest.raises(AnalysisError) as caught:
        query_index(999, 24)
    told = "there is no query 999 (indices count from 0); the prompt has 24 queries, indices 0 to 23"
    assert str(caught.value) == told
    with pytest.raises(AnalysisError, match=r"the prompt has 1 query, index 0$"):
        query_index(1, 1)
    with pytest.raises(
        AnalysisError, match=r"^a layer is named by its index, a whole number, not by 0\.0; the model has"
    ):
        layer_index(0.0, 4)
    assert named_query(0) == "query 1 (index 0)"


def test_no_table_of_another_name(session: Session) -> None:
    prediction: Prediction = session.prediction()
    for name in ("x", 0, ["queries"]):
        with pytest.raises(AnalysisError, match="there is no table"):
            prediction.to_frame(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["3-1", "-1", "0-", "1-99999999999", "9" * 5000, "1.0", "", "0,,1", "0-1-2", "²"])
def test_layers_as_people_write_them(text: str) -> None:
    with pytest.raises(AnalysisError, match="write layers as in 0-2,5") as caught:
        layers_from(text)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("number", ["0", "7", "9" * 5000])
def test_query_numbers_count_from_one(prompt: Prompt, number: str) -> None:
    with pytest.raises(AnalysisError, match="there are queries 1 to 6") as caught:
        chosen_query(prompt, number)
    assert len(str(caught.value)) < 150
    assert chosen_query(prompt, "1") == 0
