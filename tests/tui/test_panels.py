"""What a panel shows of its own: signs without glyphs, the cursor in a matrix, curves as they come, small screens."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from icldiag.analyses.confusion.compute import Confuse
from icldiag.analyses.reweighting.compute import Reweight
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.layers import LayerChart
from icldiag.tui.matrix import Matrix
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.base import Line, Panel
from icldiag.tui.panels.confusion import ConfusionPanel
from icldiag.tui.queries import Queries
from tests.tui.pilot import PROMPT, lines_of, running, screen_text, settle, until


@pytest.fixture
def ascii_prompt(tmp_path: Path) -> Path:
    path = tmp_path / "ascii.yaml"
    path.write_text(PROMPT.replace("\\u202e", "end"))
    return path


async def show(pilot: Pilot[None], key: str) -> None:
    """Bring a panel to the front and wait until it says something computed: on a busy machine that takes a while."""
    app = pilot.app
    assert isinstance(app, DiagnosisApp)
    await pilot.press(key)

    def there() -> bool:
        panel = app.panel
        return panel.key == key and panel.settled() and bool(finding(panel).text.plain)

    await settle(pilot, there)


def finding(panel: Panel) -> Line:
    return panel.query(".finding").first(Line)


async def test_ascii_means_ascii(ascii_prompt: Path, model_folder: Path) -> None:
    async with running(ascii_prompt, model_folder, (80, 24), ascii_only=True) as (app, pilot):
        assert screen_text(app).isascii(), "while loading"
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(1)
        for panel in PANELS:
            await show(pilot, panel.key)
            if panel.title in ("Isolate", "Reweight", "Compress"):
                await pilot.press("f" if panel.title == "Isolate" else "s")
                await settle(pilot)
            odd = [character for character in screen_text(app) if not character.isascii()]
            assert not odd, (panel.title, odd)
        await pilot.press("4", "s", "o")
        await settle(pilot)
        assert screen_text(app).isascii()
        await pilot.press("question_mark")
        await settle(pilot)
        assert screen_text(app).isascii()


async def test_on_80_columns_both_matrices_stand_beside_each_other(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "2")
        titles = [line for line in screen_text(app).split("\n") if "anchor distance" in line]
        assert len(titles) == 1
        assert "measured AUC" in titles[0]
        await pilot.press("m")  # the closest pair, wherever the query's own pair is
        await settle(pilot)
        panel, found = app.panel, app.state.results[Confuse()]
        assert isinstance(panel, ConfusionPanel)
        first, second = found.pairs[0], found.pairs[1]
        assert panel.chosen in {(first.a, first.b), (second.a, second.b)}
        assert "distance" in lines_of(app, "#cell")[0]
        for matrix in panel.query(Matrix):
            assert matrix.cell == panel.chosen
        app.query_one("#list").focus()
        await pilot.press("n")
        await settle(pilot)
        assert panel.chosen is None  # another query, its own pair


async def test_both_matrices_stand_in_one_order_and_the_head_says_which(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "2")
        panel = app.query_one(ConfusionPanel)
        matrices = [panel.query_one(name, Matrix) for name in ("#predicted", "#measured")]

        def shown() -> str:
            return panel.query_one("#shown", Line).text.plain

        assert shown() == "keys as attended to (no rotary positions); rows in the prompt's order"
        assert [matrix.order for matrix in matrices] == [(0, 1, 2)] * 2
        found = app.state.results[Confuse()]
        closest = replace(found, distance=1 - np.eye(3), cosine=np.eye(3))
        for far, (a, b) in ((closest.distance, (0, 1)), (closest.cosine, (0, 2))):  # which two differ most
            far[a, b] = far[b, a] = 2 if far is closest.distance else -1
        app.state.results[Confuse()] = closest
        panel.view = "cosine"
        await pilot.press("c")
        await settle(pilot)
        assert shown().endswith("; rows clustered, like ones together")
        assert matrices[0].order == matrices[1].order != (0, 1, 2)
        await pilot.press("w")
        await settle(pilot, lambda: shown() == "keys as attended to; rows clustered, like ones together")


async def test_like_labels_stand_together_and_the_cursor_stays_on_its_pair(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "2")
        await pilot.press("c")
        await settle(pilot)
        matrix = app.panel.query_one("#predicted", Matrix)
        closest = app.state.results[Confuse()].pairs[0]
        assert matrix.cell == (closest.a, closest.b)
        places = [matrix.order.index(label) for label in matrix.cell]
        assert abs(places[0] - places[1]) == 1
        app.query_one("#list").focus()
        query = app.state.query
        await pilot.press("right")  # takes the focus, so that the next arrow up or down stays in the matrix
        await settle(pilot)
        assert matrix.has_focus
        row, column = matrix.cell
        assert row == closest.a
        assert matrix.order.index(column) == min(places[1] + 1, 2)
        await pilot.press("up", "down", "down")
        assert matrix.order.index(matrix.cell[0]) == min(max(places[0] - 1, 0) + 2, 2)
        assert app.state.query == query


async def test_the_loss_is_drawn_while_it_trains(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, go_on = threading.Event(), threading.Event()
    original = Reweight.compute

    def slow(request: Reweight, bench: Any, progress: Any, each: Any) -> Any:
        epochs = 0

        def told(loss: float) -> None:
            nonlocal epochs
            each(loss)
            epochs += 1
            if epochs == 3:
                seen.set()
                assert go_on.wait(120)

        return original(request, bench, progress, told)

    monkeypatch.setattr(Reweight, "compute", slow)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "6")
        assert "on 12 examples" in lines_of(app, "#finding")[0]
        await pilot.press("s")
        await until(pilot, seen.is_set)
        app.panel.progressed()
        await pilot.pause()
        chart = app.panel.query_one(LayerChart).chart
        assert chart is not None
        values = chart.curves[0].values
        assert [value == value for value in values] == [True] * 3 + [False] * 7
        go_on.set()
        await settle(pilot, lambda: "this answer" in lines_of(app, "#finding")[0])
        chart = app.panel.query_one(LayerChart).chart
        assert chart is not None
        assert len(chart.curves[0].values) == 10


async def test_too_few_examples_are_said_before_training(prompt_file: Path, model_folder: Path) -> None:
    prompt_file.write_text(PROMPT[: PROMPT.index('  - {text: "How many three ?"')])
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "6")
        assert "too few examples" in lines_of(app, "#finding")[0]
        assert "lacks some of Number;" in lines_of(app, "#finding")[1]


async def test_every_panel_follows_the_query(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key in ("6", "7"):
            await show(pilot, key)
            await pilot.press("s")
            await settle(pilot)
        for panel in PANELS:
            await show(pilot, panel.key)
            said = []
            listed = app.query_one(Queries).order
            for query in (listed[0], listed[-1]):
                app.query_one(Queries).select(query)
                await settle(pilot)
                said.append(app.panel.plain_text())
            assert (said[0] != said[1]) == (panel.title != "Heads"), panel.title  # heads are ranked by all queries


async def test_a_click_on_a_curve_chooses_its_layer(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "3")
        chart = app.panel.query_one(LayerChart)
        assert chart.chart is not None
        step = chart.chart.step(chart.size.width)
        await pilot.click(LayerChart, offset=(7 + 2 * step + step // 2, 1))
        await settle(pilot)
        assert chart.chosen == 2
        assert "layer 2" in screen_text(app)


async def test_folded_screens_still_show_the_query(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(4)
        await settle(pilot)
        assert "Where does the river meet the sea ?" in screen_text(app).split("\n")[2]
        assert ">" in screen_text(app).split("\n")[3]


async def test_a_cursor_of_a_longer_prompt_is_forgotten(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "2")
        while app.panel.query_one("#predicted-title", Line).text.plain != "distance of demonstrations":
            await pilot.press("v")
            await settle(pilot)
        await pilot.press("p", *["right", "down"] * 3)
        await settle(pilot)
        assert app.panel.query_one("#predicted", Matrix).cell == (2, 2)
        await show(pilot, "8")
        await pilot.press("d")
        await settle(pilot, lambda: app.state.prediction)
        await show(pilot, "2")
        assert max(app.panel.query_one("#predicted", Matrix).cell) < 2
        assert app.state.failures == {}
