"""What a pass changes in its attention, by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from icldiag.lazy import torch
from icldiag.model.attention import Edit, product

Edits = Mapping[int, Edit]  # by layer


def merge_edits(first: Edits, second: Edits | None) -> Edits:
    """Two sets of edits of the same rows as one: what the first blocks, and the product of their factors."""
    merged = dict(first)
    for layer, edit in (second or {}).items():
        other = merged.get(layer)
        merged[layer] = edit if other is None else replace(other, factor=product(other.factor, edit.factor))
    return merged


def on_rows(edits: Edits | None, rows: Sequence[int], device: torch.device) -> Edits:
    """The same edits for the given rows of a pass: those of the target differ from pass to pass."""
    if not edits:
        return {}
    index = torch.tensor(list(rows), device=device)
    return {layer: replace(edit, rows=index) for layer, edit in edits.items()}
