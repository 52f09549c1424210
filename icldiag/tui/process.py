"""Run the app in this terminal, and leave it well however the process ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from icldiag.config import config_path, read_config
from icldiag.errors import IcldiagError
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.streams import echo_again
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.autosave import Resumption
from icldiag.tui.encoding import draws_in_ascii
from icldiag.tui.preferences import check_settings
from icldiag.tui.textual_fixes.terminal import give_back
from icldiag.visible import visible

_SECONDS_TO_LEAVE = 5.0  # after a signal, for the app to give the terminal back
_SECONDS_TO_WRITE = 5.0  # for a file that is being written


def run_app(
    path: Path,
    settings: ModelSettings,
    ascii_only: bool | None = None,
    resumed: Resumption | None = None,
    against: ModelSettings | None = None,
) -> int:
    """Run the app until the user leaves; returns the exit code. By default settings or locale choose ASCII or not.

    Raises:
        IcldiagError: there is no terminal to read keys from, and no browser either.
        PromptError: nor can the prompt be read.
        ConfigError: the settings are wrong.
    """
    if reason := _no_terminal():
        if resumed is None:
            read_prompt(path)  # what is wrong with the prompt comes first: no terminal mends it
        raise IcldiagError(reason)
    config = read_config()
    check_settings(config, config_path())
    given = (ascii_only, config.ascii)
    in_ascii = next((choice for choice in given if choice is not None), None)
    app = DiagnosisApp(path, settings, draws_in_ascii() if in_ascii is None else in_ascii, config, resumed, against)
    with _signals(app):
        echo_again()
        try:
            app.run()
        except BaseException:
            give_back(app._driver)
            raise
    with suppress(OSError):  # whoever read our output may have gone
        if app.export.then_quit:
            print("\n".join(f"Written: {visible(place)}" for place in app.export.written))
        if app.autosave.on_disk is not None:
            earlier = " (as it was before the last changes)" if app.autosave.failure else ""
            print(f"To continue: icldiag resume {app.autosave.on_disk}{earlier}")
        sys.stdout.flush()
    if app.autosave.failure is not None:
        print(f"icldiag: the session is not saved: {visible(app.autosave.failure)}", file=sys.stderr)
    if app.jobs.running:  # a thread inside torch cannot be interrupted, and nothing of it is wanted any more
        app.export.writing.acquire(timeout=_SECONDS_TO_WRITE)
        os._exit(app.return_code or 0)
    return app.return_code or 0


def _no_terminal() -> str | None:
    """Why the app cannot be shown; textual-serve, which shows it in a browser, sets the variable."""
    if "TEXTUAL_DRIVER" in os.environ:
        return None
    if not sys.stdin.isatty():
        return "the app needs a terminal to read keys from; 'icldiag report' works without one"
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        return "the app draws its screen on stderr, which is no terminal here; leave out the 2> redirection"
    return None


@contextmanager
def _signals(app: DiagnosisApp) -> Iterator[None]:
    """Save the session first, whatever the app is doing, then give the terminal back.

    After SIGHUP there may be no terminal any more, and there is nobody to wait for. Other signals let the app end by
    itself; it may wait for a terminal that takes no more output, so that is given a while.
    """

    def now(number: int) -> None:
        if not app.editor.open:  # else the terminal is the editor's
            give_back(app._driver)
        os._exit(128 + number)

    saving = False  # a second signal may come while the first one's handler saves, and must let it

    def save() -> None:
        nonlocal saving
        saving = True
        with suppress(Exception):
            app.autosave.save()
        saving = False

    def hang_up(number: int, frame: FrameType | None) -> None:
        if not saving:
            save()
            now(number)

    def end(number: int, frame: FrameType | None) -> None:
        if not saving:
            last = threading.Timer(_SECONDS_TO_LEAVE, now, [number])
            last.daemon = True
            last.start()
            save()
            app.leave_soon(128 + number)

    def thread_failed(failed: threading.ExceptHookArgs) -> None:
        """Textual's thread for output dies of a terminal that has gone, and the app would wait for it for good."""
        if failed.thread is not None and failed.thread.name == "textual-output":
            os.kill(os.getpid(), getattr(signal, "SIGHUP", signal.SIGTERM))
        elif isinstance(failed.exc_value, Exception):
            app.call_later(app.caught, "thread", failed.exc_value)

    handlers = {"SIGHUP": hang_up, "SIGTERM": end, "SIGINT": end}
    before: dict[int, Any] = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None:  # also where a shell's background ignores it: an app without its terminal is of no use
            before[number] = signal.signal(number, handler)
    hook, threading.excepthook = threading.excepthook, thread_failed
    try:
        yield
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
