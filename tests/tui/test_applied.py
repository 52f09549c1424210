"""A repair is applied and taken off, its beta too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from icldiag.analyses.search.repair import Repair
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import swap
from icldiag.report.document import make_report
from icldiag.report.page import page_of
from icldiag.report.schema import document_shape
from icldiag.report.write import as_json, as_markdown
from icldiag.session_file import SavedState
from icldiag.tui.comparison import pin, since
from icldiag.tui.edits import Edits
from icldiag.tui.export import repair_on
from icldiag.tui.saved import restore, saved_session
from tests.tui.test_desk import Table
from tests.tui.test_desk import table as table


def test_a_repair_is_applied_and_taken_off(table: Table) -> None:
    desk, jobs, screen = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    assert not edits.take_off()
    flat = Repair("calibration", "flat", before.demonstrations, before.labels, Calibration("batch", (0.0, 3.0, 0.0)))
    edits.apply(flat, "tried on 9")
    assert state.applied is not None
    assert since(state, state.applied) == "answering the queries again ..."
    jobs.finish(desk)
    assert (state.applied.name, state.applied.trial, state.edits) == ("flat", "tried on 9", 1)
    old, new = state.applied.prediction, state.prediction
    assert old is not None and new is not None
    fixed = sum(old.is_wrong(query) and not new.is_wrong(query) for query in new.labelled)
    turned = f"({fixed} fixed, {fixed + old.correct - new.correct} broken); this query: "
    counts = f"{old.correct} -> {new.correct} of 4"
    fewer = new.correct < old.correct
    assert since(state, state.applied).startswith(
        f"fewer right: {counts} {turned}" if fewer else f"{counts} right {turned}"
    )
    best = replace(old, predicted=np.array([label or 0 for label in old.gold]))
    assert since(state, replace(state.applied, prediction=best)).startswith("fewer right: 4 -> ")
    edits.change(lambda prompt: swap(prompt, 0, 1))
    assert state.applied is None  # what is on by now is more than the repair
    assert not edits.take_off()
    assert edits.undo()
    assert state.applied is not None
    assert edits.take_off()
    jobs.finish(desk)
    assert state.prompt is before
    assert (state.applied, state.undo, state.edits) == (None, [], 0)
    edits.apply(replace(flat, calibration=None))
    assert screen.notices[-1] == "Nothing to apply: the prompt is like that already."
    assert state.applied is None


def test_what_is_asked_of_a_repaired_prompt_leaves_the_repair_on(table: Table) -> None:
    desk, jobs, _ = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    flat = Repair("calibration", "flat", before.demonstrations, before.labels, Calibration("batch", (0.0, 3.0, 0.0)))
    edits.apply(flat, "tried on 9")
    jobs.finish(desk)
    assert state.applied is not None
    told = since(state, state.applied)
    for text in ("Who was it ?", "Where was it ?"):
        edits.ask(text)
        jobs.finish(desk)
    on, count = state.applied, len(before.queries)
    assert on is not None
    assert on.trial == "tried on 9"
    now = since(state, on)
    assert now.split("this query")[0] == told.split("this query")[0]
    assert "->" not in now.split("this query")[1]  # it was never asked without the repair
    saved = state.to_saved()
    assert saved is not None
    state.restore(saved)
    assert state.applied is not None
    assert state.applied.name == "flat"
    assert edits.take_off()
    jobs.finish(desk)
    assert state.prompt is not None
    assert state.prompt.queries[:count] == before.queries
    assert (state.prompt.calibration, len(state.prompt.queries), len(state.undo)) == (None, count + 2, 2)
    assert [edits.undo(), edits.undo(), edits.undo()] == [True, True, False]
    assert state.prompt == before


def test_of_two_repairs_each_is_taken_off(table: Table) -> None:
    desk, jobs, _ = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    turned = Repair("order", "backwards", before.demonstrations[::-1], before.labels)
    flat = replace(turned, name="flat", calibration=Calibration("batch", (0.0, 3.0, 0.0)))
    for repair in (turned, flat):
        edits.apply(repair)
        jobs.finish(desk)
    names = []
    while state.applied is not None:
        names.append(state.applied.name)
        told = since(state, state.applied)
        assert told.startswith("without it -> with it: ") == (len(names) == 1)  # of the last, with the file it is
        assert edits.take_off()
        jobs.finish(desk)
    assert names == ["flat", "backwards"]
    assert state.prompt is before


def test_repairs_of_a_saved_session_are_taken_off_one_by_one(table: Table) -> None:
    desk, jobs, _ = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    turned = Repair("order", "backwards", before.demonstrations[::-1], before.labels)
    for repair in (turned, replace(turned, name="flat", calibration=Calibration("batch", (0.0, 3.0, 0.0)))):
        edits.apply(repair, f"tried {repair.name}")
        jobs.finish(desk)
    saved = state.to_saved()
    assert saved is not None
    saved = SavedState.model_validate_json(saved.model_dump_json())
    assert [(one.name, one.change) for one in saved.repairs] == [("backwards", 0), ("flat", 1)]
    state.undo, state.repairs = [], []
    state.restore(saved)
    assert state.to_saved() == saved  # cut off now, nothing would be lost
    desk.load_model()
    jobs.finish(desk)
    told = []
    while state.applied is not None:
        told.append(state.applied.trial)
        assert state.applied.prediction is not None or state.applied.name == "backwards"
        assert edits.take_off()
        jobs.finish(desk)
    assert told == ["tried flat", "tried backwards"]
    assert state.prompt == before
    edits.change(lambda prompt: swap(prompt, 0, 1))
    saved = state.to_saved()
    assert saved is not None
    assert saved.repairs == ()


def test_a_repair_with_a_beta_alone_is_undone_too(table: Table) -> None:
    desk, jobs, _ = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    assert state.session is not None
    beta = np.full(state.session.beta_shape, 0.5, np.float32)
    edits.change(lambda prompt: swap(prompt, 0, 1))
    jobs.finish(desk)
    swapped = state.prompt
    assert swapped is not None
    edits.apply(Repair("re-weighting", "weights", swapped.demonstrations, swapped.labels, beta=beta))
    jobs.finish(desk)
    assert state.beta_on
    assert state.applied is not None
    edits.use_beta(None)
    jobs.finish(desk)
    assert state.applied is None  # it is off
    edits.use_beta(beta)
    jobs.finish(desk)
    assert edits.take_off()
    jobs.finish(desk)
    assert not state.beta_on
    assert state.prompt is swapped
    assert edits.undo()
    jobs.finish(desk)
    assert state.prompt is before
    assert not edits.undo()


def test_a_pinned_state_whose_weights_a_search_found_says_that_they_are_not_back(table: Table) -> None:
    desk, jobs, screen = table
    edits, state, prompt = Edits(desk), desk.state, desk.state.prompt
    assert prompt is not None and state.session is not None
    beta = np.full(state.session.beta_shape, 0.5, np.float32)
    edits.apply(Repair("re-weighting", "weights", prompt.demonstrations, prompt.labels, beta=beta))
    jobs.finish(desk)
    state.pinned = pin(state)
    assert edits.undo()
    jobs.finish(desk)
    saved = saved_session(desk)
    assert saved is not None and saved.pinned is not None
    restore(desk, saved)
    desk.load_model()
    jobs.finish(desk)
    assert state.pinned is not None and not state.pinned.beta_on
    assert any("The pinned state comes back without its re-weighting" in told for told in screen.notices)


def test_a_report_says_which_repair_is_on_and_what_was_known_of_it(table: Table) -> None:
    """Also after another text was asked, of whose prompt nothing is computed yet."""
    desk, jobs, _ = table
    edits, state = Edits(desk), desk.state
    assert state.prompt is not None and state.session is not None
    assert repair_on(state) is None
    tried = state.session.repairs(budget=6)
    repair = next(one.repair for one in tried.trials if one.repair.calibration is not None)
    edits.apply(repair, "On 9 labelled texts: 3 right before, 7 after.", tried)
    jobs.finish(desk)
    edits.ask("Who was it ?")
    jobs.finish(desk)
    assert state.session is not None
    repaired = repair_on(state)
    assert repaired is not None
    assert repaired.effect.startswith("Of 4 labelled queries ")
    assert repaired.effect.endswith("broken). On 9 labelled texts: 3 right before, 7 after.")
    report = make_report(state.session, computed=True, repaired=repaired)
    page, values = as_markdown(report), report.values()
    assert f"repair that is on: {repair.name}. Of 4 labelled queries " in page
    assert "The table of repairs compares with the prompt without it." in page
    assert values["repaired"] == {"name": repair.name, "effect": repaired.effect, "earlier": [], "before": None}
    assert values["repairs"]["reading"].startswith("Compared with the prompt without the repair that is on. ")
    assert len(values["repairs"]["repairs"]) == len(tried.trials)
    assert values["left_out"]["demonstrations"] == "not computed yet with the repair that is on"
    document_shape().model_validate(values)
    assert "Who was it ?" not in as_json(report.redacted())
    alone = as_markdown(make_report(state.session, ["prediction"], repaired=replace(repaired, effect="")))
    assert f"repair that is on: {repair.name}. What it does to other texts was not tried." in alone
    assert "The table of repairs" not in alone  # it is not there


def test_a_report_names_the_repairs_that_were_applied_before(table: Table) -> None:
    """What is told without the last one is told of a prompt that has these."""
    desk, jobs, _ = table
    edits, state, before = Edits(desk), desk.state, desk.state.prompt
    assert before is not None
    edits.change(lambda prompt: swap(prompt, 0, 1))
    edits.apply(Repair("order", "backwards", before.demonstrations[::-1], before.labels))
    jobs.finish(desk)
    flat = Calibration("batch", (0.0, 3.0, 0.0))
    edits.apply(Repair("calibration", "flat", before.demonstrations[::-1], before.labels, flat))
    edits.ask("Who was it ?")
    jobs.finish(desk)
    repaired = repair_on(state)
    assert repaired is not None and state.session is not None
    report = make_report(state.session, ["prediction"], repaired=repaired)
    _, earlier, others = page_of(report).facts[-3:]
    assert earlier.startswith("applied before it: backwards. What is told without the repair that is on is told of ")
    assert others == "other changes since the file: 2 edits"
    assert report.values()["repaired"]["earlier"] == ["backwards"]
    state.of_file = state.undo[2].prompt.hash  # saved before the last repair
    repaired = repair_on(state)
    assert repaired is not None
    assert (repaired.earlier, repaired.others) == ((), 1)
