"""Run the app in this terminal, and leave it well however the process ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from icldiag.config import config_path, read_config
from icldiag.errors import IcldiagError
from icldiag.model.load import ModelSettings
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.keeper import Resumed
from icldiag.tui.settings import check_settings

_SECONDS_TO_LEAVE = 5.0  # after a signal, for the app to give the terminal back


def run_app(path: Path, settings: ModelSettings, ascii_only: bool = False, resumed: Resumed | None = None) -> int:
    """Run the app until the user leaves; returns the exit code.

    Raises:
        IcldiagError: there is no terminal to read keys from, and no browser either (textual-serve sets the variable).
        ConfigError: the settings are wrong.
    """
    if "TEXTUAL_DRIVER" not in os.environ and not sys.stdin.isatty():
        raise IcldiagError("the app needs a terminal to read keys from; 'icldiag report' works without one")
    config = read_config()
    check_settings(config, config_path())
    app = DiagnosisApp(path, settings, ascii_only, config, resumed)
    with _signals(app):
        app.run()
    if app.keeper.on_disk is not None:
        print(f"To go on from here: icldiag resume {app.keeper.on_disk}")
    if app.jobs.running:  # a thread inside torch cannot be interrupted, and nothing of it is wanted any more
        sys.stdout.flush()
        os._exit(app.return_code or 0)
    return app.return_code or 0


@contextmanager
def _signals(app: DiagnosisApp) -> Iterator[None]:
    """Save the session first, whatever the app is doing: it may wait for a terminal that takes no more output.

    After SIGHUP there is no terminal to give back, and nobody to wait for.
    """

    def hang_up(number: int, frame: FrameType | None) -> None:
        try:
            app.keeper.save()
        finally:
            os._exit(128 + number)

    def end(number: int, frame: FrameType | None) -> None:
        last = threading.Timer(_SECONDS_TO_LEAVE, os._exit, [128 + number])
        last.daemon = True
        last.start()
        app.keeper.save()
        app.leave_soon(128 + number)

    handlers = {"SIGHUP": hang_up, "SIGTERM": end, "SIGINT": end}
    before: dict[int, Any] = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None:  # also where a shell's background ignores it: an app without its terminal is of no use
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
