"""Every way in which Textual calls code: what raises is told, with a file that holds no text, and the app goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import ComposeResult, RenderResult
from textual.command import Hit, Hits, Provider
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.signal import Signal
from textual.widget import Widget
from textual.widgets import Static

from icldiag.crash import crash_folder
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.ask import AskScreen
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.prompt import PromptPanel
from tests.tui.pilot import running, screen_text, settle

SECRET = "secret [b text"


def broken(*arguments: Any, **named: Any) -> Any:
    raise KeyError(SECRET)


async def broken_later(*arguments: Any) -> Any:
    raise KeyError(SECRET)


class Said(Message):
    """A message of a widget of ours."""


class Bad(Widget):
    """Raises in whatever way it is asked to."""

    DEFAULT_CSS = "Bad { height: 1; }"
    value = reactive(0, init=False)
    later = reactive(0, init=False)
    checked = reactive(0, init=False)
    computing = False
    computed = reactive(0, init=False)
    drawing = False
    BINDINGS = [("f9", "bad", "bad")]  # noqa: RUF012
    can_focus = True

    def watch_value(self) -> None:
        broken()

    async def watch_later(self) -> None:
        broken()

    def validate_checked(self, value: int) -> int:
        return broken()  # type: ignore[no-any-return]

    def compute_computed(self) -> int:
        return broken() if self.computing else 0

    def on_bad_said(self) -> None:
        broken()

    def on_said(self) -> None:
        broken()

    def on_key(self, event: events.Key) -> None:
        if event.key == "f8":
            broken()

    def action_bad(self) -> None:
        broken()

    def render(self) -> RenderResult:
        return broken() if self.drawing else "fine"


class BadAtMount(Static):
    def on_mount(self) -> None:
        broken()


class BadAtCompose(Static):
    def compose(self) -> ComposeResult:
        yield Static("x")
        broken()


class BadScreen(ModalScreen[None]):
    BINDINGS = [("escape", "dismiss", "close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        yield BadAtMount()

    def on_mount(self) -> None:
        broken()


class BadProvider(Provider):
    async def search(self, query: str) -> Hits:
        yield Hit(1.0, "bad hit", broken)


def attribute(name: str) -> Callable[[DiagnosisApp, Bad], Any]:
    return lambda app, bad: app.call_later(setattr, bad, name, 1)


async def dismissed(app: DiagnosisApp, bad: Bad) -> None:
    app.push_screen(AskScreen("?"), broken)
    while not isinstance(app.screen, AskScreen):
        await asyncio.sleep(0.01)
    app.screen.dismiss("x")


def pressed(key: str) -> Callable[[DiagnosisApp, Bad], Any]:
    def press(app: DiagnosisApp, bad: Bad) -> None:
        bad.focus()
        app.call_after_refresh(app.post_message, events.Key(key, None))

    return press


def signalled(app: DiagnosisApp, bad: Bad) -> None:
    signal: Signal[int] = Signal(app, "test")
    signal.subscribe(bad, broken)
    signal.publish(1)


def draw(app: DiagnosisApp, bad: Bad) -> None:
    bad.drawing = True
    bad.refresh(layout=True)


def compute(app: DiagnosisApp, bad: Bad) -> None:
    bad.computing = True
    app.call_later(lambda: bad.computed)


async def task(app: DiagnosisApp, bad: Bad) -> None:
    asyncio.get_running_loop().call_soon(broken)


WAYS: dict[str, Callable[[DiagnosisApp, Bad], Any]] = {
    "message": lambda app, bad: bad.post_message(Said()),
    "watcher": attribute("value"),
    "async watcher": attribute("later"),
    "validate": attribute("checked"),
    "compute": compute,
    "call_later": lambda app, bad: bad.call_later(broken),
    "call_next": lambda app, bad: bad.call_next(broken_later),
    "call_after_refresh": lambda app, bad: bad.call_after_refresh(broken),
    "set_timer": lambda app, bad: bad.set_timer(0.01, broken),
    "set_interval": lambda app, bad: app.set_interval(0.01, broken, repeat=3),
    "screen callback": dismissed,
    "worker": lambda app, bad: bad.run_worker(broken_later()),
    "thread worker": lambda app, bad: bad.run_worker(broken, thread=True),
    "signal": signalled,
    "key": pressed("f8"),
    "action": pressed("f9"),
    "render": draw,
    "mount": lambda app, bad: app.query_one("#right").mount(BadAtMount()),
    "compose": lambda app, bad: app.query_one("#right").mount(BadAtCompose()),
    "screen": lambda app, bad: app.push_screen(BadScreen()),
    "event loop": task,
}


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_told_and_the_app_goes_on(way: str, prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (150, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        bad = Bad()
        heard: list[object] = []
        await app.query_one("#right").mount(bad)
        result = WAYS[way](app, bad)
        if asyncio.iscoroutine(result):
            await result
        await settle(pilot, lambda: app.unexpected)
        told = [str(notification.message) for notification in app._notifications]
        files = [str(path) for path in crash_folder().iterdir()]
        assert app.state.prompt is not None
        for text in told:
            assert text.endswith(f"unexpected KeyError: '{SECRET}'")
            (file,) = [file for file in files if file in text]
            crash = Path(file).read_text()
            assert "builtins.KeyError" in crash
            assert "secret" not in crash
            assert f"prompt: {app.state.prompt.hash}" in crash
        bad.call_next(heard.append, 1)  # its loop goes on too
        if len(app.screen_stack) > 1:
            await pilot.press("escape")
        bad.drawing = bad.computing = False
        await pilot.press("8")
        await settle(pilot, lambda: "3 demonstrations of" in screen_text(app))
        assert heard == [1]
        assert len(app.screen_stack) == 1
        app.unexpected.clear()
    assert app._exception is None


async def test_callbacks_behind_one_that_raises_are_called(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        called: list[str] = []
        for schedule in (app.call_next, app.call_later, app.call_after_refresh):
            schedule(broken)
            schedule(called.append, schedule.__name__)
        await settle(pilot, lambda: len(called) == 3)
        app.unexpected.clear()


async def test_a_command_of_the_palette_that_raises(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiagnosisApp, "COMMANDS", {lambda: BadProvider})
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("ctrl+p", *"bad")
        await settle(pilot, lambda: "bad hit" in screen_text(app))
        await pilot.press("enter")
        await settle(pilot, lambda: app.unexpected)
        assert app.is_running
        app.unexpected.clear()


async def test_an_error_at_each_paint_is_told_once(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        with monkeypatch.context() as patch:
            patch.setattr(Line, "render", broken)
            for key in "345":
                await pilot.press(key)
                await settle(pilot)
        assert len(app._notifications) == 1
        app.unexpected.clear()


async def test_where_telling_fails_it_ends_with_a_sentence_and_the_session_saved(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyError):
        async with running(prompt_file, model_folder) as (app, pilot):
            await settle(pilot, lambda: app.state.prediction)
            await pilot.press("8")
            monkeypatch.setattr(DiagnosisApp, "notify", broken)
            monkeypatch.setattr(PromptPanel, "action_tokens", broken)
            await pilot.press("v")
            await pilot.pause(0.2)
    (said,) = capfd.readouterr().err.splitlines()
    assert said.startswith("icldiag: something went wrong that was not foreseen (KeyError)")
    assert any(str(file) in said for file in crash_folder().iterdir())
    assert "secret" not in said
    assert app.return_code == 1
    assert app.autosave.on_disk is not None
    assert app.autosave.file is not None
    assert app.autosave.file.read().panel == "prompt"
