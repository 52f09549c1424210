"""How many tensors are done while transformers loads: it counts them, on a progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from icldiag.model.settings import Stage


@contextmanager
def counted(module: Any, what: str, stage: Stage) -> Iterator[None]:
    """Tell the stages of a module of transformers in place of its bar, where it has one."""
    original = getattr(module, "tqdm", None)

    def tensors_told(tensors: Any, **bar: Any) -> Iterator[Any]:
        for done, tensor in enumerate(tensors):
            stage(f"{what} {done} of {len(tensors)} tensors")
            yield tensor

    if original is not None:
        module.tqdm = tensors_told
    try:
        yield
    finally:
        if original is not None:
            module.tqdm = original
