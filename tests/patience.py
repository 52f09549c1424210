"""Waiting on a machine that others use too: for what must happen, and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG = 120.0  # seconds after which what was waited for does not come
_SPIN = 0.05


def eventually(holds: Callable[[], object], seconds: float = LONG) -> None:
    """Wait until a condition holds; fails where it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


def slowness() -> float:
    """How many times longer a computation takes now than by itself, as others have the processor too; at least 1."""
    begun, used = time.monotonic(), time.process_time()
    while time.process_time() - used < _SPIN:
        pass
    return max(1.0, (time.monotonic() - begun) / _SPIN)
