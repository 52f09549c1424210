"""The calibrations are tried once, and everybody tells the same of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.batches import PendingQuestion
from icldiag.analyses.lab import Lab
from icldiag.analyses.memory import Memory
from icldiag.analyses.overview import Perturb, next_step
from icldiag.analyses.overview.compute import Judge
from icldiag.analyses.repairs import FindRepairs, Repairs, TryCalibrations, finding
from icldiag.errors import Cancelled
from icldiag.page.blocks import Paragraph
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import swap
from icldiag.prompt.schema import Prompt
from icldiag.report.document import make_report
from icldiag.report.page import page_of
from icldiag.session import Session
from tests.analyses.repairs.test_search import rich as rich
from tests.conftest import Tiny


def test_overview_search_and_report_tell_the_same(rich: Prompt, tiny: Tiny) -> None:
    session = Session(rich, tiny())
    overview, parts = session.overview(), list[Repairs]()
    session.ask(FindRepairs(budget=9), each=parts.append)
    tried = session.peek(TryCalibrations())
    assert tried is overview.repairs
    assert tried is not None
    first = parts[0]
    assert finding(first) == finding(tried)
    assert next_step(overview).startswith(finding(tried))
    for one, other in zip(first.trials, tried.trials, strict=True):
        assert (one.repair.name, one.selection, one.queries) == (other.repair.name, other.selection, other.queries)
        assert one.repair.calibration == other.repair.calibration
    page = page_of(make_report(session, ["overview"]))
    (said,) = [block.text for block in page.parts[0].blocks if isinstance(block, Paragraph)]
    assert said == f"Next: {next_step(overview)}"


@pytest.mark.parametrize("query", [None, 0])
def test_a_search_asks_no_text_again_that_the_calibrations_asked(
    rich: Prompt, tiny: Tiny, query: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it where the prompt's answers are calibrated."""
    for prompt in (rich, replace(rich, calibration=Calibration.dividing("batch", (0.5, 0.3, 0.2)))):
        session = Session(prompt, tiny())
        wrong = None if query is None else session.prediction().wrong[0]
        session.ask(TryCalibrations())

        def refuse(*_: Any, **__: Any) -> None:
            raise AssertionError("texts were asked again")

        with monkeypatch.context() as context:
            context.setattr(Lab, "ask", refuse)
            assert len(session.repairs(wrong, budget=5).trials) == 5


@pytest.mark.parametrize("changed", [False, True])
def test_what_an_overview_that_was_stopped_had_asked_is_not_asked_again(
    rich: Prompt, tiny: Tiny, changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it by a session on a prompt that was changed and is the same again."""
    session = Session(rich, tiny())
    session.ask(Judge())
    run, counted = PendingQuestion.recall, list[tuple[int, int]]()

    def recall(asked: PendingQuestion, keys: Sequence[Hashable], memory: Memory) -> None:
        run(asked, keys, memory)
        counted.append((len(keys), asked.missing))

    def stop(what: str, done: int, total: int) -> None:
        if total and what.startswith("changed prompts") and 2 * done > total:
            raise Cancelled("stopped")

    monkeypatch.setattr(PendingQuestion, "recall", recall)
    with pytest.raises(Cancelled):
        session.ask(Perturb(), stop)
    whole = sum(missing for _, missing in counted)
    counted.clear()
    other = session.with_prompt(swap(rich, 0, 1)).with_prompt(rich) if changed else session
    found = other.ask(Perturb())
    again = sum(missing for _, missing in counted)
    assert 0 < again < whole
    alone = Session(rich, tiny()).ask(Perturb())
    for one, two in zip(found.orders, alone.orders, strict=True):
        np.testing.assert_allclose(one.scores, two.scores, atol=1e-4)


def test_the_step_after_a_search_is_what_it_found(rich: Prompt, tiny: Tiny) -> None:
    session = Session(rich, tiny())
    session.ask(Perturb())
    overview, found = session.overview(), session.repairs(budget=7)
    assert next_step(overview, found) == finding(found)
    assert "A search in panel Repair tries changes of the prompt too" in next_step(overview)
