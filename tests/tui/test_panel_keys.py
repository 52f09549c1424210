"""What the keys of the panels do through Pilot: cuts, training, measuring, the slider and the cells."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from icldiag.analyses.confusion.compute import Confuse
from icldiag.analyses.explanation import Explain
from icldiag.analyses.explanation.reading import in_nats
from icldiag.analyses.isolation.compute import Isolate
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.repairs import TryCalibrations
from icldiag.analyses.search.change import TryChange
from icldiag.analyses.search.reading import NO_QUERIES, gain
from icldiag.analyses.search.repair import Repair
from icldiag.tui.matrix import Matrix
from icldiag.tui.panels.isolation import changed_queries
from icldiag.tui.panels.prompt import PromptPanel
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.panels.why import WhyPanel
from icldiag.tui.queries import Queries, QueryList
from tests.tui.pilot import lines_of, running, screen_text, settle, until


async def test_why_says_the_answer_its_cause_and_the_evidence(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (200, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1")
        prediction, session = app.state.prediction, app.state.session
        assert prediction is not None
        assert session is not None
        for query in range(len(prediction)):
            app.query_one(Queries).select(query)
            await settle(pilot, partial(app.state.results.__contains__, Explain(query)))
            known = ", want " if prediction.is_wrong(query) else "Right: "
            text = screen_text(app)
            assert (known if prediction.gold[query] is not None else "the right label is unknown") in text
            assert (", next " in text) == (not prediction.is_wrong(query))  # what the answer leads, not what it was
            found = session.explanation(query)
            lead = found.contest.lead
            assert f"lead {in_nats(lead, lead)} nats" in text
            explained = bool(found.causes) and found.contest.gold != found.contest.answer
            assert ("CAUSE" in text) == (explained and found.causes[0].confirmed)
            assert ("MAYBE" in text) == (explained and not found.causes[0].confirmed)
            assert "the query's text" in text
            assert "label prior" in text
            assert "evidence, from" in text  # a screen of this size has room for it
            for row in ("demonstration  ", "classes  ", "order  ", "label prior  ", "aggregation  ", "decided  "):
                assert row in text


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """While it is set no explanation comes to its end."""
    explain, event = Explain.compute, threading.Event()

    def slowly(request: Explain, bench: Any, progress: Any, each: Any) -> Any:
        while event.is_set():
            progress("explanation", 0, 9)
            time.sleep(0.01)
        return explain(request, bench, progress, each)

    monkeypatch.setattr(Explain, "compute", slowly)
    return event


async def test_why_can_be_stopped_and_started_again(
    prompt_file: Path, model_folder: Path, held: threading.Event
) -> None:
    held.set()
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "Computing: explanation 0 of 9" in screen_text(app))
        await pilot.press("escape")
        await settle(pilot)
        assert "Stopped; s explains it." in screen_text(app)
        assert Explain(app.state.query) not in app.state.results
        held.clear()
        await pilot.press("s")
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        assert "the query's text" in screen_text(app)


async def test_what_was_stopped_of_a_changed_prompt_is_not_stopped_of_the_prompt_before(
    prompt_file: Path, model_folder: Path, held: threading.Event
) -> None:
    """Explain, drop a demonstration, stop the new explanation, undo: the first one is there at once."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await pilot.press("1")
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        held.set()
        await pilot.press("8", "d", "1")
        await until(pilot, lambda: "Computing: explanation 0 of 9" in screen_text(app))
        await pilot.press("escape")
        await settle(pilot)
        assert "Stopped; s explains it." in screen_text(app)
        await pilot.press("8", "u", "1")
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        assert "the query's text" in screen_text(app)


async def test_a_layer_is_cut_and_restored(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4", "right_square_bracket", "f")
        await settle(pilot, lambda: "cut    x  x  -  -" in screen_text(app))
        assert "cut in layers 0-1" in " ".join(screen_text(app).split())
        await pilot.press("I", "2")
        await settle(pilot)
        assert "CUT IN LAYERS 2-3 (0: off/on)" in screen_text(app)
        await pilot.press("0", "4")
        await settle(pilot, lambda: "Nothing is cut" in screen_text(app))
        assert "CUT IN" not in screen_text(app).split("\n")[0]
        await pilot.press("s")  # every n: the cursor stands at the first two layers
        await settle(pilot, lambda: "with the first 2 layers cut" in screen_text(app))
        assert "the last n layers" in screen_text(app)


async def test_a_range_is_cut_by_keys_and_a_layer_by_mouse(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4", "right_square_bracket", "v", "right_square_bracket", "right_square_bracket", "space")
        await settle(pilot)
        assert app.state.cut_layers == {1, 2, 3}
        await pilot.click("#switches", offset=(13, 0))
        await settle(pilot)
        assert app.state.cut_layers == {1, 3}
        await pilot.press("c", "m")  # label words -> target, and the next query whose answer changes by it
        await settle(pilot)
        found = app.state.results[Isolate(Cut("label_to_target", (1, 3)))]
        assert [query for query, _ in sorted(changed_queries(found.answers))] == list(found.answers.flipped)
        assert app.state.query in found.answers.flipped or not found.answers.flipped


async def test_beta_is_trained_and_put_in_force(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prediction
        await pilot.press("6", "s")
        await settle(pilot, lambda: "Trained on 12 examples" in " ".join(screen_text(app).split()))
        await pilot.press("b")
        await settle(pilot, lambda: app.state.beta_on)
        assert "RE-WEIGHTED" in screen_text(app)
        assert app.state.prediction is not before
        await pilot.press("b")
        await settle(pilot, lambda: not app.state.beta_on)
        assert app.state.prediction is not None
        assert before is not None
        assert (app.state.prediction.probabilities == before.probabilities).all()


async def test_compression_is_measured_on_request(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("7", "s")
        await settle(pilot, lambda: "From the anchors" in screen_text(app))
        assert "best of 20 draws" in screen_text(app)
        assert "standard deviation" in screen_text(app)


async def test_the_layer_slider_and_the_cell_cursor(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2")
        await settle(pilot, lambda: "[3]" in screen_text(app))
        await pilot.press("left_square_bracket")
        await settle(pilot, lambda: Confuse(2) in app.state.results)
        assert "[2]" in screen_text(app)
        matrix = app.query_one("#predicted", Matrix)
        matrix.focus()
        await pilot.press("home", "up", "up", "left", "left", "right", "right")
        assert matrix.cell == (0, 2)
        assert [line.split("  ")[0].strip() for line in lines_of(app, "#demonstrations")] == ["Person", "Number"]
        assert "Who wrote the opera ?" in lines_of(app, "#demonstrations")[0]
        assert lines_of(app, "#cell")[0].startswith("distance 0.")
        await pilot.press("v")
        await settle(pilot)
        assert "cosine of keys" in screen_text(app)


async def test_after_a_panels_key_the_arrows_choose_in_its_list(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        query = app.state.query
        await pilot.press("9")
        repair = app.query_one(RepairPanel)
        await settle(pilot, lambda: TryCalibrations() in app.state.results)
        here = repair.marked
        await pilot.press("down" if here == 0 else "up")
        assert repair.marked == (1 if here == 0 else here - 1)
        await pilot.press("8", "down", "down")
        assert app.query_one(PromptPanel).marked == 2
        assert app.state.query == query
        await pilot.press("o", "down")
        assert app.query_one(PromptPanel).marked == 2


async def test_the_way_to_repair_says_where_it_led_and_how_to_go_back(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("O", "m")
        await pilot.pause()
        said = [notice.message for notice in app._notifications]
        assert said == ["Panel Repair: what fixes the prompt; escape stops it. O goes back to Overview."]
        assert app.panel.title == "Repair"
        await pilot.press("escape")
        await settle(pilot)


async def test_a_cause_can_be_changed_on_top_of_a_repair(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        why, before = app.query_one(WhyPanel), app.state.prompt
        assert before is not None
        turned = Repair("order", "backwards", before.demonstrations[::-1], before.labels)
        await pilot.press("1")
        app.edits.apply(turned)
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        assert why.takes_off
        assert "(t takes it off)" in screen_text(app)
        await pilot.pause()
        assert "t take off" in screen_text(app)
        if why.repair() is not None:
            await pilot.press("right_square_bracket")
            await pilot.pause()
            assert not why.takes_off
            assert "t apply" in screen_text(app)
            assert "t tries it" in screen_text(app)
            await pilot.press("left_square_bracket")
        await pilot.press("t")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is before


async def test_a_cause_that_is_changed_is_tried_on_other_texts(prompt_file: Path, model_folder: Path) -> None:
    """In the background, as a job that can be stopped; what was known of a repair is not asked again."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        assert before is not None
        turned = Repair("order", "backwards", before.demonstrations[::-1], before.labels)
        await pilot.press("1")
        app.edits.apply(turned)
        await until(pilot, lambda: TryChange.job in app.jobs.running)
        await settle(pilot, lambda: TryChange(before) in app.state.results)
        found = app.state.results[TryChange(before)]
        assert found.count == len(before.examples)
        assert f"{gain(found, NO_QUERIES)}." in " ".join(screen_text(app).split())
        await pilot.press("t")
        await settle(pilot, lambda: app.state.prediction)
        app.edits.apply(turned, "tried on 9")
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        assert "tried on 9" in screen_text(app)
        assert f"{gain(found, NO_QUERIES)}." not in " ".join(screen_text(app).split())


async def test_without_other_texts_it_is_said_why_a_change_is_not_tried(
    prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    prompt_file.write_text(prompt_file.read_text().split("examples:")[0])
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        assert before is not None
        await pilot.press("1")
        app.edits.apply(Repair("order", "backwards", before.demonstrations[::-1], before.labels))
        await settle(pilot, lambda: TryChange(before) in app.state.failures)
        said = " ".join(screen_text(app).split())
        assert "Not tried on other texts: a repair must hold on labelled examples, and there are 4" in said
        assert "add some to 'examples', at least 8" in said


async def test_a_panel_scrolls_while_the_list_of_queries_has_the_focus(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 14)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("p", "8", "o")
        await settle(pilot, lambda: app.panel.max_scroll_y and app.state.pinned)
        query = app.state.query
        assert isinstance(app.focused, QueryList)
        await pilot.press("ctrl+d")
        assert app.panel.scroll_y > 1
        await pilot.press("ctrl+u")
        assert app.panel.scroll_y == 0
        assert app.state.query == query
