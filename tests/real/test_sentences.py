"""Every kind of sentence on SmolLM2, held against its numbers counted in another way.

Two labels, one query, no gold labels and one answer for all are what makes sentences false or empty.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.extraction.compute import score_extraction
from icldiag.analyses.prediction.section import reading as reading_of_answers
from icldiag.analyses.saliency.compute import shares
from icldiag.analyses.saliency.section import reading_of_flows
from icldiag.model.forward import InstrumentedModel
from icldiag.session import Session
from tests.analyses.test_contrast import check_reading as check_contrast
from tests.analyses.test_depth import check_sentences as check_depth
from tests.analyses.test_extraction import check_reading, check_reading_of_query
from tests.analyses.test_lens import check_rows
from tests.analyses.test_sentences import check_errors, check_flows
from tests.real.test_paper import few

pytestmark = pytest.mark.real

CASES = ("six labels", "two labels", "one query", "no gold labels", "one answer")


@pytest.fixture(scope="module")
def plain(smollm2: InstrumentedModel) -> dict[str, Session]:
    return {sample: few(sample, smollm2, 12) for sample in ("questions", "sentiment")}


def session_of(case: str, plain: dict[str, Session]) -> Session:
    """A case on the samples; they share each sample's encoded demonstrations."""
    session = plain["sentiment" if case == "two labels" else "questions"]
    queries = session.prompt.queries
    if case == "one query":
        return session.with_prompt(session.prompt.with_queries(queries[:1]))
    if case == "no gold labels":
        return session.with_prompt(session.prompt.with_queries([replace(query, label=None) for query in queries]))
    if case == "one answer":
        answers = session.prediction().predicted.tolist()
        alike = [query for query, answer in zip(queries, answers, strict=True) if answer == answers[0]]
        return session.with_prompt(session.prompt.with_queries(alike))
    return session


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_the_answers_and_of_attention_holds(case: str, plain: dict[str, Session]) -> None:
    session = session_of(case, plain)
    prediction, found = session.prediction(), session.extraction()
    check_errors(prediction, reading_of_answers(prediction))
    check_reading(found, prediction)
    check_reading(score_extraction(prediction, found.attention, found.destinations, "gold"), prediction)
    for query in range(len(prediction)):
        check_reading_of_query(found, query)


@pytest.mark.parametrize("sample", ["questions", "sentiment"])
def test_what_is_said_of_flows_and_of_layers_holds(sample: str, plain: dict[str, Session]) -> None:
    session = plain[sample]
    raw = np.mean([session.flow(query).raw for query in range(2)], axis=0)
    check_flows(shares(raw), reading_of_flows(shares(raw), raw))
    for query in range(3):
        check_rows(session, query)


def test_the_lens_cannot_read_the_shallow_layers(plain: dict[str, Session]) -> None:
    """There it reads the target's own token, on which every label's score is noise."""
    from tests.analyses.test_lens import lens_of

    for session in plain.values():
        lens = lens_of(session, 0)
        assert not lens.readable[: session.model.n_layers // 2].any()
        assert not lens.on_label[0]


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_depth_and_of_contrast_holds(case: str, plain: dict[str, Session]) -> None:
    session = session_of(case, plain)
    check_depth(session)
    check_contrast(session.contrast(0), session)
