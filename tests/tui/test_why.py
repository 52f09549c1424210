"""Panel Why: its first page, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from icldiag.analyses.contest import Counterfactual
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.prior import PriorEvidence, PriorSource
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.search.repair import as_it_is
from icldiag.prompt.adjustments import Calibration
from icldiag.tui.panels.cause_offers import elsewhere, first_to_try, offer
from icldiag.tui.panels.why import WhyPanel
from tests.analyses.explanation.made import HALVES, NAMES, STAYS, TURNS, run, shares
from tests.tui.pilot import running, says, screen_text, settle

EVIDENCE = "changed prompts and passes"


async def test_enter_brings_the_evidence_into_view_and_takes_it_back(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1")
        await settle(pilot)
        first = screen_text(app)
        assert EVIDENCE not in first
        assert "enter evidence" in first
        await pilot.press("enter")
        await settle(pilot)
        assert "enter goes back" in screen_text(app)
        top = app.panel.scroll_y
        await pilot.press("]")  # there the causes are out of view
        await settle(pilot)
        assert app.panel.scroll_y == top + 1
        await pilot.press("enter")
        await settle(pilot)
        assert screen_text(app) == first


async def test_the_evidence_of_another_query_is_not_open_yet(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1", "enter")
        await settle(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert "enter evidence" in screen_text(app)
        assert EVIDENCE not in screen_text(app)


async def test_the_evidence_stands_open_where_it_has_room(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 60)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1")
        await settle(pilot)
        shown = screen_text(app)
        assert EVIDENCE in shown
        assert "enter evidence" not in shown
        await pilot.press("enter")
        await settle(pilot)
        assert screen_text(app) == shown


async def test_a_change_that_was_applied_here_is_undone_here(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repair(self: WhyPanel) -> object:
        return replace(as_it_is(self.prompt, None), calibration=Calibration("batch", (0.0, 3.0, 0.0))), ""

    monkeypatch.setattr(WhyPanel, "repair", repair)
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        await pilot.press("1", "t")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.applied is not None
        assert says(app, "u undo")
        await pilot.press("u")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is before
        assert not says(app, "u undo")


@pytest.mark.parametrize(("height", "gap"), [(17, 0), (40, 1)])
async def test_where_rows_are_few_no_gap_stands_under_the_answer(
    prompt_file: Path, model_folder: Path, height: int, gap: int
) -> None:
    """The sum and what the signs mean are to be on the first page."""
    async with running(prompt_file, model_folder, (80, height)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1")
        await settle(pilot)
        assert app.panel.query_one("#finding").styles.gutter.height == gap


def test_what_turns_the_answer_is_tried_first() -> None:
    turns, stays = run(TURNS), run(STAYS)
    last, prior = Cause("recency", stays, 1.0, True, ""), Cause("prior", turns, 0.5, True, "")
    source = PriorSource("batch", 12, np.full(3, 1 / 3), 1.0, 1, turns, turns)

    def first(*causes: Cause, cured: Sequence[int] = (0, 1), applied: Counterfactual = turns) -> int | None:
        sources, shares = (replace(source, applied=applied),), SimpleNamespace(place_of=lambda kind: None)
        measured = PriorEvidence(sources, (1, 1, 1), (), ())
        found: Any = SimpleNamespace(causes=causes, labels=NAMES, prior=measured, shares=shares)
        mends: Any = SimpleNamespace(name="a prior")
        stay = "; as t applies it, the answer is yes" if not applied.turned else ""
        assert offer(prior, found, mends, "] then ") == f"] then t tries it{stay}"
        return first_to_try(found, cured)

    assert first(last, prior) == 1
    assert first(last, prior, cured=(0,)) == 0  # the other has no cure here
    assert first(last, replace(prior, supported=False)) == 0
    assert first(last, prior, applied=stays) == 0  # by what other queries have alone
    assert first(last, prior, applied=run(HALVES)) == 1  # it leaves less of the lead
    assert first(last, prior, cured=()) is None


def test_a_cure_is_what_its_change_does_alone() -> None:
    """Not what it does together with the first cause's, which confirmed it."""
    parts = shares((Factor("order", "another order"), STAYS), (Factor("majority", "as many of each"), HALVES))
    joint = [Cause("order", run(TURNS), 0.5, True, ""), Cause("majority", run(TURNS), 1.0, True, "")]
    found: Any = SimpleNamespace(causes=joint, labels=NAMES, shares=parts, checks=(None, None))
    assert first_to_try(found, [0, 1]) == 1  # neither turns the answer, and this leaves less
    mends: Any = SimpleNamespace(name="an order")
    assert offer(joint[0], found, mends, "") == "t tries it; as t applies it, the answer is yes"


@pytest.mark.parametrize(
    ("factor", "overlap", "said"),
    [
        (Factor("demonstration", "demonstration 3 labelled B", relabelled=2), False, "Prompt: c labels it B"),
        (Factor("demonstration", "demonstration 3 removed", without=(2,)), False, "Prompt: d drops it"),
        (Factor("scoring", "scored by token", scoring="per_token"), False, "edit the file: scoring: per_token"),
        (Factor("scoring", "scored by token", scoring="per_token"), True, "edit the file: scoring: terminated"),
        (Factor("order", "another order"), False, "m: Repair tries whole orders"),
    ],
)
def test_what_is_done_elsewhere_is_what_was_tried(factor: Factor, overlap: bool, said: str) -> None:
    found: Any = SimpleNamespace(shares=SimpleNamespace(factors=(factor,)), overlap=overlap, pair=("A", "B"))
    cause: Any = SimpleNamespace(kind=factor.kind)
    assert elsewhere(cause, found) == said
