"""Queries that were read before are not run again, and answer as if they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.extraction.compute import Extract
from icldiag.model import known
from icldiag.model.readout import read_queries
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import ask
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny

C = 3
CALIBRATIONS = (
    Calibration("contextual", (0.4, -0.3, 0.1)),
    Calibration("affine", (0.1, 0.2, 0.3), scale=(1.5, 0.5, 1.0)),
    Calibration("matrix", (0.1, 0.2, 0.3), matrix=((1.0, 0.2, 0.0), (0.0, 1.0, -0.4), (0.3, 0.0, 1.0))),
    Calibration("neighbours", (0.0, 0.0, 0.0), matrix=tuple(map(tuple, np.eye(C).tolist()))).with_votes(2, 1.5),
    None,
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many queries are run, each time that any are."""
    counts: list[int] = []
    read = read_queries

    def counted(model: Any, encoded: Any, *arguments: Any, **named: Any) -> Any:
        counts.append(len(encoded.queries))
        return read(model, encoded, *arguments, **named)

    monkeypatch.setattr(known, "read_queries", counted)
    return counts


def same(changed: Session, fresh: Session) -> None:
    one, other = changed.prediction(), fresh.prediction()
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    np.testing.assert_allclose(one.label_mass, other.label_mass, atol=1e-5)
    assert [[token.text for token in row[:1]] for row in one.top_tokens] == [
        [token.text for token in row[:1]] for row in other.top_tokens
    ]
    ranks = [np.array(of.ask(Extract()).aucroc, dtype=float) for of in (changed, fresh)]  # NaN where undefined
    np.testing.assert_allclose(ranks[0], ranks[1], atol=1e-5)


@pytest.mark.parametrize("scoring", ["first", "whole"])
def test_a_calibration_put_on_and_taken_off_runs_nothing(
    scoring: Any, prompt: Prompt, tiny: Tiny, run: list[int]
) -> None:
    prompt = replace(prompt, scoring=scoring)
    session = Session(prompt, tiny())
    session.prediction()
    run.clear()
    for calibration in CALIBRATIONS:
        changed = replace(prompt, calibration=calibration)
        session = session.with_prompt(changed)
        session.prediction()
        assert run == []
        same(session, Session(changed, session.model))
        run.clear()


def test_of_queries_that_come_and_go_only_new_ones_are_run(prompt: Prompt, tiny: Tiny, run: list[int]) -> None:
    session = Session(prompt, tiny())
    session.prediction()
    run.clear()
    more = ask(prompt, "How many rivers are there ?")
    more = more.with_queries((more.queries[-1], *more.queries[:-1]))
    told: list[tuple[int, ...]] = []
    grown = session.with_prompt(more)
    grown.readout(lambda *_: None, lambda queries, found: told.append(queries))
    assert run == [1]
    assert sorted(query for part in told for query in part) == list(range(len(more.queries)))
    same(grown, Session(more, session.model))
    run.clear()
    less = grown.with_prompt(more.with_queries(more.queries[1:3]))
    less.prediction()
    assert run == []
    same(less, Session(less.prompt, session.model))


def test_other_demonstrations_labels_or_scorings_run_all(prompt: Prompt, tiny: Tiny, run: list[int]) -> None:
    session = Session(prompt, tiny())
    session.prediction()
    for changed in (
        replace(prompt, demonstrations=prompt.demonstrations[::-1]),
        replace(prompt, scoring="whole"),
        replace(prompt, labels=prompt.labels[::-1], queries=prompt.queries),
    ):
        run.clear()
        session.with_prompt(changed).prediction()
        assert run == [len(prompt.queries)]
