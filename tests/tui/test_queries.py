"""The list of queries in the app: sorted by a key, and one error at a time from the overview."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input, OptionList

from icldiag.tui.app import DiagnosisApp
from icldiag.tui.panels.base import Line
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.query_order import groups
from tests.tui.pilot import running, screen_text, settle


def title(app: DiagnosisApp) -> str:
    return app.query_one("#queries-title", Line).text.plain


async def test_sorted_and_grouped_the_query_stays_selected(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        prompt, prediction = app.state.prompt, app.state.prediction
        assert prompt is not None
        assert prediction is not None
        wrong, query = len(prediction.wrong), app.state.query
        assert title(app) == f"Queries  5, {wrong} wrong"
        await pilot.press("S")
        await pilot.pause()
        assert title(app) == f"Queries  5, {wrong} wrong, by error"
        heads = [group.head for group in groups(prompt, prediction, "error", "")]
        assert all(head in screen_text(app) for head in heads)
        assert app.state.query == query
        seen = []
        await pilot.press("g")
        for _ in range(5):
            await pilot.pause()
            seen.append(app.state.query)
            await pilot.press("j")
        assert seen == app.query_one(Queries).order  # the heads are stepped over
        await pilot.press("S", "S")
        await pilot.pause()
        assert " nats" in screen_text(app)


async def test_an_error_of_the_overview_lists_its_queries(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        prediction = app.state.prediction
        assert prediction is not None
        errors = int((prediction.counts > 0).sum() - (prediction.counts.diagonal() > 0).sum())
        listed = []
        for _ in range(errors):
            await pilot.press("c")
            await pilot.pause()
            order = app.query_one(Queries).order
            assert title(app) == f"Queries  {len(order)} of 5, {len(order)} wrong"
            assert app.state.query in order
            assert app.query_one(QueryList).has_focus  # the list is over the panel
            listed.append(order)
        assert sorted(query for order in listed for query in order) == sorted(prediction.wrong)
        assert [len(order) for order in listed] == sorted((len(order) for order in listed), reverse=True)
        await pilot.press("c")
        await pilot.pause()
        assert title(app).startswith("Queries  5, ")
        assert app.query_one("#filter", Input).value == ""
        assert not app.has_class("-picking")
        assert app.query_one(OptionList).option_count == 5
