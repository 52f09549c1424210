"""Every panel's text on two sizes of terminal, in `screens/`. After a change on purpose: `--snapshot-update`.

The tiny random model answers, so the numbers mean nothing; they are the same on every run.
"""

from __future__ import annotations

import difflib
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from icldiag.analyses import batches
from icldiag.analyses.explanation import Explain, PartialExplanation
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.why import WhyPanel
from icldiag.tui.queries import Queries
from tests.tui.pilot import lines_of, running, screen_text, settle, until

SIZES = ((80, 24), (120, 40))
FOLDER = Path(__file__).parent / "screens"
_MASKS = ((re.compile(r"\d+(\.\d+)? m?s\b"), "TIME"), (re.compile(r"\bmodel\d+\b"), "model"))

pytestmark = pytest.mark.usefixtures("as_quick_on_any_machine")


def written(text: str) -> str:
    """Without spaces at the ends of lines, and without what differs from run to run."""
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.split("\n")) + "\n"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_panels_text(
    size: tuple[int, int], prompt_file: Path, model_folder: Path, request: pytest.FixtureRequest
) -> None:
    update, differences = request.config.option.update_snapshots, list[str]()
    async with running(prompt_file, model_folder, size) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(4)
        for panel in PANELS:
            await pilot.press(panel.key)
            await settle(pilot, lambda: app.panel.settled())
            await settle(pilot)
            differences += changes(panel.title.lower(), size, screen_text(app), update)
    assert not differences, "\n".join(differences)


def changes(name: str, size: tuple[int, int], text: str, update: bool) -> list[str]:
    """How a screen differs from the one that is kept, which it replaces with `update`."""
    file, text = FOLDER / f"{name}-{size[0]}x{size[1]}.txt", written(text)
    if update:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    return list(difflib.unified_diff(before.split("\n"), text.split("\n"), file.name, "now", lineterm=""))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_why_while_it_is_computed_and_stopped(
    size: tuple[int, int],
    prompt_file: Path,
    model_folder: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What hides the demonstrations is answered, and the orders are not: rows without a cause, kept by escape."""
    explain, go = Explain.compute, threading.Event()

    def slowly(asked: Explain, bench: Any, progress: Any, each: Any) -> Any:
        def waiting(part: PartialExplanation) -> None:
            each(part)
            while part.demonstrations is not None and part.order is None and not go.wait(0.01):
                progress("explanation", 12, 40)

        return explain(asked, bench, progress, waiting)

    monkeypatch.setattr(Explain, "compute", slowly)
    monkeypatch.setattr(batches.Work, "_worth_a_batch", lambda self, tokens: 0)  # as with a longer prompt
    update = request.config.option.update_snapshots
    async with running(prompt_file, model_folder, size) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction and app.panel.settled())
        app.query_one(Queries).select(4)
        await pilot.press("1")
        await until(pilot, lambda: "Computing: explanation 12 of 40; escape stops" in screen_text(app))
        panel = app.panel
        assert isinstance(panel, WhyPanel)
        await until(pilot, lambda: panel.parts[-1].demonstrations is not None)  # where its thread then waits
        panel.refresh_panel()
        await until(pilot, lambda: len(lines_of(app, "#evidence")) and "demonstration" in screen_text(app))
        await pilot.pause()
        differences = changes("why-computing", size, screen_text(app), update)
        rows = lines_of(app, "#evidence")
        await pilot.press("escape")
        await settle(pilot)
        differences += changes("why-stopped", size, screen_text(app), update)
        for text in (app.panel.plain_text(), screen_text(app)):
            assert not any(word in text for word in ("CAUSE", "MAYBE", "also ", "the query's text"))
        assert lines_of(app, "#evidence") == rows
        go.set()
        await pilot.press("s")
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        assert "the query's text" in app.panel.plain_text()
    assert not differences, "\n".join(differences)
