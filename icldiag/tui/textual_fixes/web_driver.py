"""The app's end of a page: what the driver for textual-serve leaves out.

Textual 8.2.8's `WebDriver` takes the signals to itself, and goes on when the server has closed its input or is gone. It
can go when that ends the app as a closed terminal does.
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any

from textual.app import App
from textual.drivers.web_driver import WebDriver

_SECONDS_TO_LEAVE = 2.0  # for the session to be saved


class SavingDriver(WebDriver):
    """Ends the app, which saves its session, when the server closes its input or is gone, however it was ended."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._write = partial(self._send)

    def start_application_mode(self) -> None:
        """Signals stay with `icldiag.tui.process`, which saves the session; textual's own handlers would not."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        super().start_application_mode()
        for number, handler in before.items():
            if self._loop.remove_signal_handler(number):
                signal.signal(number, handler)

    def run_input_thread(self) -> None:
        """Until the app has ended; an input that ends earlier has lost its page."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            _hang_up()

    def _send(self, data: bytes) -> int:
        try:
            return os.write(self.fileno, data)
        except BrokenPipeError:
            _hang_up()
            return len(data)


def _hang_up() -> None:
    """As a terminal does; and at last without the app's help, which may be stuck."""
    if hasattr(signal, "SIGHUP"):
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(_SECONDS_TO_LEAVE)
    os._exit(129)
