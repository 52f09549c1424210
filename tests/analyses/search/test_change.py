"""A change is tried on the texts that are no query, as they would be answered one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from icldiag.analyses.lab import Lab
from icldiag.analyses.search.change import TryChange
from icldiag.analyses.search.compute import AnswerExamples
from icldiag.errors import AnalysisError
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import drop, swap
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from icldiag.store import Store
from tests.analyses.repairs.test_search import rich as rich
from tests.conftest import Tiny


def changed(prompt: Prompt) -> list[Prompt]:
    skewed = replace(prompt, calibration=Calibration("batch", (0.0, 3.0, 0.0)))
    return [swap(prompt, 0, 1), drop(prompt, 0), skewed]


def test_it_counts_the_texts_that_are_right_before_and_after(rich: Prompt, tiny: Tiny) -> None:
    model, queries = tiny(), {query.text for query in rich.queries}
    held_out = [example for example in rich.examples if example.text not in queries]
    for after in changed(rich):
        found = Session(after, model).ask(TryChange(rich))
        right = [Session(one.with_queries(held_out), model).prediction().correct for one in (rich, after)]
        assert (found.count, found.right_before, found.right_after) == (len(held_out), *right)


def test_what_a_search_asked_of_both_is_not_asked_again(
    rich: Prompt, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = swap(rich, 0, 1)
    sessions = [Session(one, tiny(), store=Store(tmp_path, "tiny", one)) for one in (rich, after)]
    for session in sessions:
        session.ask(AnswerExamples())

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("texts were asked again")

    monkeypatch.setattr(Lab, "ask", refuse)
    assert sessions[1].ask(TryChange(rich)).count


def test_queries_alone_are_no_other_texts(rich: Prompt, tiny: Tiny) -> None:
    alone = replace(rich, queries=rich.examples, examples=())
    with pytest.raises(AnalysisError, match="every labelled text is a query; add some to 'examples'"):
        Session(swap(alone, 0, 1), tiny()).ask(TryChange(alone))
