"""torch, imported when something of it is first used.

So the modules of results can be imported without it: the app shows what is on disk before torch is there, which on a
slow disk takes many seconds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

if TYPE_CHECKING:
    import torch as torch
else:

    class _Torch:
        def __getattr__(self, name: str) -> Any:
            return getattr(importlib.import_module("torch"), name)

    torch = _Torch()


def no_grad(function: Callable[P, R]) -> Callable[P, R]:
    """`torch.no_grad()` as a decorator."""

    @wraps(function)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        with torch.no_grad():
            return function(*arguments, **named)

    return run
