"""While something computes: keys are handled, and what is wanted no more is stopped."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual import events

from icldiag.analyses.isolation.compute import Isolate
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.saliency.compute import Flows
from icldiag.errors import Cancelled
from icldiag.model.readout import Progress
from icldiag.model.settings import BUNDLED
from icldiag.samples import DEFAULT_SAMPLE, sample_path
from icldiag.store import Store
from icldiag.tui.panels.saliency import SaliencyPanel
from tests.patience import eventually, slowness
from tests.tui.pilot import running, settle


async def test_quitting_and_a_newer_cut_stop_what_computes(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[int, ...]] = []
    stopped: list[tuple[int, ...]] = []
    original = Isolate.compute

    def slow(request: Isolate, bench: Any, progress: Progress, each: Any) -> Any:
        cut = request.cut
        begun.append(cut.layers)
        try:
            for step in range(2400 if cut.layers == (0,) else 0):
                time.sleep(0.05)
                progress("isolation", step, 2400)
        except Cancelled:
            stopped.append(cut.layers)
            raise
        return original(request, bench, progress, each)

    monkeypatch.setattr(Isolate, "compute", slow)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("space")  # layer 0 alone: slow
        while (0,) not in begun:
            await pilot.pause(0.02)
        await pilot.press("right_square_bracket", "space")
        await settle(pilot, lambda: Isolate(Cut("text_to_label", (0, 1))) in app.state.results)
        await settle(pilot, lambda: stopped == [(0,)])  # in its own thread, at its next step
        assert Isolate(Cut("text_to_label", (0,))) not in app.state.results
        await pilot.press("space")
        while begun.count((0,)) < 2:
            await pilot.pause(0.02)
        await pilot.press("q")
    eventually(lambda: len(stopped) == 2)
    assert stopped == [(0,), (0,)]
    assert app.return_code == 0


async def test_keys_are_handled_while_saliency_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generous, because other programs may share the two cores; docs/terminal.md has what was measured."""
    compute, pressed = Flows.compute, threading.Event()

    def again(request: Flows, bench: Any, progress: Progress, each: Any) -> Any:
        """However quick the machine is, it computes while keys are pressed."""
        while not pressed.is_set():
            compute(request, bench, progress, each)
        return compute(request, bench, progress, each)

    monkeypatch.setattr(Flows, "compute", again)
    async with running(sample_path(DEFAULT_SAMPLE), BUNDLED) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("3")
        await settle(pilot)
        assert isinstance(app.panel, SaliencyPanel)
        app.panel.action_all()
        waits: list[float] = []
        slow = slowness()
        while len(waits) < 15:
            before, began = app.panel.at_layer, time.monotonic()
            key = "left_square_bracket" if before else "right_square_bracket"
            app.post_message(events.Key(key, None))  # Pilot's press would wait until the process is idle
            while app.panel.at_layer == before:
                await asyncio.sleep(0.001)
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.02)
        assert Flows() not in app.state.results
        pressed.set()
        app.jobs.cancel_all()
    assert sorted(waits)[len(waits) // 2] < 0.5 * max(slow, slowness()), waits


async def test_a_cut_reads_only_the_demonstrations_from_its_first_layer_on(
    prompt_file: Path, model_folder: Path, tmp_path: Path
) -> None:
    from icldiag.analyses.isolation.cuts import Cut

    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        session = app.state.session
        assert session is not None
        assert isinstance(session.store, Store)
        length, computed = len(session.encoded.prefix), []

        def count(layer: int) -> Any:
            def hook(module: Any, arguments: Any, output: Any) -> None:
                if (output[0] if isinstance(output, tuple) else output).shape[1] == length:
                    computed.append(layer)

            return hook

        session.flow(0)
        handles = [layer.register_forward_hook(count(n)) for n, layer in enumerate(session.model.layers)]
        session.isolate(Cut.of("text_to_label", [2]))
        for handle in handles:
            handle.remove()
    assert computed[-2:] == [2, 3]
