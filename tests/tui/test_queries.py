"""The list of queries in the app: sorted by a key, and one error at a time from the overview."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, OptionList

from icldiag.analyses.search.repair import Repair
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Example
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.overview import OverviewPanel
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.query_order import groups
from icldiag.tui.state import State
from tests.tui.pilot import running, screen_text, settle, until


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


async def test_marked_queries_are_listed_first_and_can_be_all_there_is(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        prompt, prediction = app.state.prompt, app.state.prediction
        assert prompt is not None
        assert prediction is not None
        await pilot.press("A")
        await pilot.pause()
        assert "No query is marked" in screen_text(app)
        app.query_one(Queries).select(4)
        await pilot.press("plus")
        app.query_one(Queries).select(1)
        await pilot.press("plus", "p")
        await settle(pilot)
        assert app.state.marked == {1, 4}
        assert "3 wrong, 2 marked" in title(app)
        assert " + Where ?" in screen_text(app) or ">+ Where ?" in screen_text(app) or "> +Where ?" in screen_text(app)
        right = sum(not prediction.is_wrong(at) for at in (1, 4))
        assert f"Pinned -> now (2 marked): {right} -> {right} of 2 right" in screen_text(app)
        for _ in range(6):
            await pilot.press("S")
        await pilot.pause()
        assert title(app).endswith("marked first")
        assert app.query_one(Queries).order[:2] == [1, 4]
        await pilot.press("A")
        await settle(pilot, lambda: app.state.prediction and len(app.state.prediction) == 2)
        assert app.state.prompt is not None
        assert app.state.prompt.queries == (prompt.queries[1], prompt.queries[4])
        assert app.state.query == 0  # the selected one stays selected
        assert "2 OF 5 QUERIES" in screen_text(app)
        await pilot.press("A")
        await settle(pilot, lambda: app.state.prediction and len(app.state.prediction) == 5)
        assert app.state.prompt is prompt
        assert app.state.marked == {1, 4}
        assert app.state.edits == 0
        await pilot.press("asterisk")
        assert app.state.marked == set(range(5))
        await pilot.press("asterisk")
        assert not app.state.marked
        await pilot.press("plus", "8", "d")  # another demonstration, the same queries
        await settle(pilot, lambda: app.state.prediction)
        assert len(app.state.marked) == 1


async def test_the_cursor_in_the_table_of_answers_lists_a_cell(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        prediction = app.state.prediction
        assert prediction is not None
        overview = app.query_one(OverviewPanel)
        overview.focus()
        await pilot.press("right")
        gold, answer = overview.cell or (0, 0)
        counts = prediction.counts
        assert int(counts[gold, answer]) == max(int(counts[a, b]) for a in range(3) for b in range(3) if a != b)
        await pilot.press("enter")
        await pilot.pause()
        listed = [at for at in range(5) if (prediction.gold[at], int(prediction.predicted[at])) == (gold, answer)]
        assert sorted(app.query_one(Queries).order) == listed
        assert f"{len(listed)} of 5" in title(app)
        assert f">{counts[gold, answer]}" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert len(app.query_one(Queries).order) == 5
        for key in ("left", "left", "up", "up", "up"):
            await pilot.press(key)
        assert overview.cell == (0, 0)
        for key in ("down", "down", "down", "right", "right", "right"):
            await pilot.press(key)
        assert overview.cell == (2, 2)


@pytest.mark.parametrize(("key", "size"), [("a", (80, 24)), ("/", (120, 40))])
async def test_the_end_of_a_long_line_is_seen(
    key: str, size: tuple[int, int], prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder, size) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press(key, *("x" * 120), "e", "n", "d")
        await pilot.pause()
        rows = app.screen._compositor.render_strips()
        assert any("xxxxxend" in row.text for row in rows)


async def test_a_filter_that_nobody_opened_takes_no_keys() -> None:
    """While the app was made it had the focus, and held what was typed by then."""

    class Few(App[None]):
        state = State(Path("p.yaml"))  # of the list; it has the rows of none

        def compose(self) -> ComposeResult:
            yield Queries(self.state)

    async with Few().run_test() as pilot:
        assert isinstance(pilot.app.focused, QueryList)


async def test_what_an_edit_turned_is_marked_counted_and_sorted_first(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before, old = app.state.prompt, app.state.prediction
        assert before is not None and old is not None
        assert "+" not in title(app)
        flat = Repair(
            "calibration", "flat", before.demonstrations, before.labels, Calibration("batch", (9.0, 0.0, 0.0))
        )
        app.edits.apply(flat)
        await settle(pilot, lambda: app.state.prediction)
        new = app.state.prediction
        assert new is not None
        fixed = [query for query in old.wrong if not new.is_wrong(query) and old.gold[query] is not None]
        broken = [query for query in new.wrong if not old.is_wrong(query)]
        other = [
            query
            for query in range(len(old))
            if new.predicted[query] != old.predicted[query] and query not in (*fixed, *broken)
        ]
        assert fixed or broken
        counts, told, was = title(app).split("\n")
        assert counts.endswith(f", +{len(fixed)} -{len(broken)}")
        meanings = ("+ right now", "- wrong now", "~ changed")
        said = [said for said, some in zip(meanings, (fixed, broken, other), strict=True) if some]
        assert (told.split("  "), was) == (said, "was: in the file")
        signs = {query: one.sign for query, one in app.query_one(Queries).turned.items()}
        assert signs == {
            query: sign for sign, some in zip("+-~", (fixed, broken, other), strict=True) for query in some
        }
        for query, sign in signs.items():
            text = str(app.query_one(QueryList).get_option(str(query)).prompt)
            assert text.split("\n")[1].startswith(f"{query + 1:>3}{sign}")
        for _ in range(6):
            await pilot.press("S")
        await pilot.pause()
        assert title(app).split("\n")[0].endswith(", changed first")
        assert set(app.query_one(Queries).order[: len(signs)]) == set(signs)
        await pilot.press("p")
        await settle(pilot, lambda: app.state.pinned)
        assert app.query_one(Queries).turned == {}  # all answers are those of the pinned state, and compared with it
        app.edits.take_off()
        await settle(pilot, lambda: app.state.prediction)
        assert set(app.query_one(Queries).turned) == set(signs)
        assert title(app).endswith("\nwas: pinned")
        await pilot.press("p")
        await settle(pilot, lambda: app.state.pinned is None)
        assert app.query_one(Queries).turned == {}
        assert " +" not in title(app) and "\n" not in title(app)
        await pilot.press("p")  # against what is pinned, too, the sign is told
        app.edits.apply(flat)
        await settle(pilot, lambda: app.state.prediction)
        assert title(app).split("\n")[1:] == ["  ".join(said), "was: pinned"]


async def test_the_selected_query_stays_in_view(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 26)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prompt
        assert before is not None
        app.edits.edit(before.with_queries([*before.queries, *(Example(f"Who {n} ?", 0) for n in range(30))]))
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(25)
        await pilot.pause()
        flat = Calibration("batch", (9.0, 0.0, 0.0))
        app.edits.change(lambda prompt: replace(prompt, calibration=flat))
        await settle(pilot, lambda: app.state.prediction)
        for _ in range(5):
            await settle(pilot)
            assert app.state.query == 25
            shown = screen_text(app).splitlines()
            assert any(line.startswith(">") and "Who 20 ?" in line for line in shown), app.query_one(Queries).sort
            await pilot.press("S")


async def test_the_first_match_is_selected_while_a_filter_is_typed(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(4)
        await pilot.press("slash", *"#3")
        await settle(pilot, lambda: app.state.query == 2)
        await pilot.press(*"zz")
        await settle(pilot, lambda: "no query matches" in screen_text(app))
        assert app.state.query == 2
        await pilot.press("enter")
        await settle(pilot, lambda: "escape lists all" in screen_text(app))
        await pilot.press("escape")
        await settle(pilot, lambda: "no query matches" not in screen_text(app))


async def test_enter_ends_the_filter_and_asks_nothing_of_the_panel(prompt_file: Path, model_folder: Path) -> None:
    """In Overview enter lists the marked cell's queries, but not while a filter is typed."""
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await until(pilot, lambda: "answered" in screen_text(app))
        await pilot.press("slash", *"cross", "enter")
        await pilot.pause()
        assert app.query_one(Queries).query_one(Input).value == "cross"
        assert isinstance(app.focused, QueryList)


async def test_arrows_in_the_filter_choose_among_what_it_lists(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("slash", *"wh")
        await pilot.pause()
        listed = app.query_one(Queries).order
        assert len(listed) > 1
        chosen = listed.index(app.state.query)
        await pilot.press("down" if chosen == 0 else "up")
        await pilot.pause()
        assert app.state.query == listed[chosen + 1 if chosen == 0 else chosen - 1]
        assert isinstance(app.focused, Input)


async def test_the_palette_does_not_open_over_a_dialog(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("a")
        await pilot.pause()
        dialog = app.screen
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert app.screen is dialog
