"""No timer waits for less than a moment.

Textual 8.2.8 starts a toast's timer with the time that is left of its notice, which is negative when the machine was
busy for longer than that. `Timer._run` counts the ticks that it missed as (now - start) / interval, which then are ever
fewer, and never gives the event loop back; with an interval of 0 it divides by zero, and below a moment it never
catches up with the clock. Importing this module fixes all timers, whoever starts
them. It can go when `Timer` takes an interval of 0 and below.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from textual.timer import Timer

MOMENT = 0.001  # seconds; many times what one round of Textual's loop takes

_init = Timer.__init__


@wraps(_init)
def _clamped(self: Timer, event_target: Any, interval: float, **arguments: Any) -> None:
    _init(self, event_target, max(interval, MOMENT), **arguments)


Timer.__init__ = _clamped  # type: ignore[method-assign]
