"""The demonstrations' keys and values at some positions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from icldiag.lazy import torch
from icldiag.model.edits import Edits
from icldiag.model.forward import Prefix
from icldiag.model.heads import KeyValues


def cache_at(prefix: Prefix, positions: Sequence[int]) -> list[KeyValues]:
    """Every layer's keys and values at some of the prefix's positions."""
    device = prefix.key_values[0].keys.device
    where = torch.tensor(list(positions), device=device)
    return [cache.at(where.to(cache.keys.device)) for cache in prefix.key_values]


def edits_at(edits: Edits | None, positions: Sequence[int]) -> Edits:
    """A scaling of the target row on a cache of some of the prefix's positions."""
    places = list(positions)
    return {
        layer: replace(edit, factor=None if edit.factor is None else edit.factor[:, places])
        for layer, edit in (edits or {}).items()
    }


def cache_bytes(caches: Sequence[KeyValues]) -> int:
    return sum(cache.keys.nbytes + cache.values.nbytes for cache in caches)
