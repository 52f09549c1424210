"""What tests of the app have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.pilot import Pilot

from icldiag.model.settings import ModelSettings
from icldiag.session_file import session_files
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.autosave import Resumption
from icldiag.tui.key_table import places
from icldiag.tui.panels.base import Line

NASTY = "[/red] [b \\e[31m {0} \\u202e"
PROMPT = f"""\
template: "Question: {{text}}\\nAnswer Type:{{label}}"
labels: [Person, Location, Number]
demonstrations:
  - {{text: "Who wrote the opera ?", label: Person}}
  - {{text: "Where is the park ?", label: Location}}
  - {{text: "How many bridges ?", label: Number}}
queries:
  - {{text: "{NASTY}", label: Person}}
  - {{text: "Where ?", label: Location}}
  - {{text: "How many bridges cross the canal ?", label: Number}}
  - {{text: "Who cross the sea ?"}}
  - {{text: "Where does the river meet the sea ?", label: Person}}
examples:
  - {{text: "Who is one ?", label: Person}}
  - {{text: "Who is two ?", label: Person}}
  - {{text: "Who is three ?", label: Person}}
  - {{text: "Who is four ?", label: Person}}
  - {{text: "Where one ?", label: Location}}
  - {{text: "Where two ?", label: Location}}
  - {{text: "Where three ?", label: Location}}
  - {{text: "Where four ?", label: Location}}
  - {{text: "How many one ?", label: Number}}
  - {{text: "How many two ?", label: Number}}
  - {{text: "How many three ?", label: Number}}
  - {{text: "How many four ?", label: Number}}
"""


def bound_keys(*more: str) -> list[str]:
    """All keys that are bound anywhere: in the app, its lists, its panels and what covers the screen."""
    found = ["enter", "escape", "tab", *more]
    for bindings in places().values():
        for binding in bindings:
            found += [one.key for one in Binding.make_bindings([binding])]
    return sorted(found)


async def settle(pilot: Pilot[None], until: Callable[[], object] | None = None) -> None:
    """Wait until no job runs and `until` holds."""
    app = pilot.app
    assert isinstance(app, DiagnosisApp)
    for _ in range(3000):  # a busy machine is given a minute
        await pilot.pause(0.02)
        if not app.jobs.running and (until is None or until()):
            await pilot.pause()
            return
    raise AssertionError(f"still running: {app.jobs.running}, {app.state.failures}")


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """`settle`, while jobs run."""
    app = pilot.app
    assert isinstance(app, DiagnosisApp)
    for _ in range(3000):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"it does not come: {app.state.doing}\n{screen_text(app)}")


def screen_text(app: DiagnosisApp) -> str:
    """What is on the screen, line by line."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines[:height])[: (width + 1) * height]


def lines_of(app: DiagnosisApp, query: str) -> list[str]:
    """The text that a line of the panel in front was set to, without the blanks that paint a marked row."""
    return [line.rstrip() for line in app.panel.query_one(query, Line).text.plain.split("\n")]


@asynccontextmanager
async def running(
    path: Path, model: Path | str, size: tuple[int, int] = (120, 40), **arguments: Any
) -> AsyncIterator[tuple[DiagnosisApp, Pilot[None]]]:
    """The app under Pilot; a test that makes something of it raise clears `app.unexpected`."""
    app = DiagnosisApp(path, ModelSettings(name=str(model), device="cpu"), **arguments)
    app.NOTIFICATION_TIMEOUT = 60  # type: ignore[misc]  # a busy machine must not take back what was told
    async with app.run_test(size=size, notifications=True) as pilot:
        yield app, pilot
    assert app.unexpected == [], app.unexpected


def last_session() -> Resumption:
    file = session_files()[0]
    return Resumption(file.read(), file)


def says(app: DiagnosisApp, words: str) -> bool:
    """Whether they stand on the screen, over however many lines."""
    return words in " ".join(screen_text(app).split())
