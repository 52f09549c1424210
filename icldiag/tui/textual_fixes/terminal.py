"""Gives the terminal back without the app: where its loop or its thread for output no longer gets to it.

Textual 8.2.8 restores the terminal in its event loop and through its thread for output only, which waits for a terminal
that takes no more. It can go when a driver can restore the terminal by itself.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver

_SECONDS = 1.0  # for a terminal that takes no output
#: What Textual's driver for Linux writes when it stops; first the end of an update that was cut off.
_RESTORED = (
    "\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l"
    "\x1b[?25h\x1b[?1004l"
)


def give_back(driver: Driver | None) -> None:
    """Restore its modes, leave the alternate screen, show the cursor. Does nothing where there is no terminal any more.

    Written to the file itself, in a thread: the driver's own thread may wait for a terminal that takes no output.
    """
    before = getattr(driver, "attrs_before", None)
    if before is None or sys.__stderr__ is None:  # never begun, or no terminal of the kind
        return
    with suppress(Exception):
        import termios

        termios.tcsetattr(getattr(driver, "fileno", 0), termios.TCSANOW, before)
    writing = threading.Thread(target=_write, args=[sys.__stderr__.fileno()], daemon=True)
    writing.start()
    writing.join(_SECONDS)


def _write(descriptor: int) -> None:
    with suppress(OSError):
        if os.isatty(descriptor):
            os.write(descriptor, _RESTORED.encode())
