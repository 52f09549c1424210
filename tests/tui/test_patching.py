"""Panel Patch: chart and map are of the same passes, whatever `v` chose."""

from __future__ import annotations

from pathlib import Path

from icldiag.tui.layers import LayerChart
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.patching import PatchingPanel
from tests.tui.pilot import running, settle


async def test_the_chart_is_of_what_v_chose(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("T")
        await settle(pilot, lambda: app.panel.settled())
        await settle(pilot)
        panel = app.panel
        assert isinstance(panel, PatchingPanel)
        found = panel.peek(panel.request())
        assert found is not None and found.whole and found.defined
        estimated = found.estimates[0]
        (target,) = (place for place, site in enumerate(found.sites) if site.kind == "target")
        for way, nats in (
            ("run)", found.moved[0]),
            ("run back)", found.moved[1]),
            ("first order)", estimated),
        ):
            titles = [str(panel.query_one(name, Line).text) for name in ("#chart-title", "#map-title")]
            assert titles[0].endswith(way) and way.removesuffix(")") in titles[1]
            chart = panel.query_one(LayerChart).chart
            assert chart is not None
            assert str(list(chart.curves[0].values)) == str(found.shares(nats)[:, target].tolist())
            await pilot.press("v")
            await settle(pilot)
