"""Python's garbage collector, set aside while a hundred thousand objects come that stay.

Importing torch and transformers makes it look through all of them again and again: a fifth of the time until a small
model is there (SmolLM2 on two cores: 5.8 s with it, 4.6 s without).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Nothing is collected within; where the caller had it off, it stays off."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
