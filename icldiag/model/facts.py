"""What is shown of a model, and kept with its results, so that they can be shown before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icldiag.model.forward import InstrumentedModel


@dataclass(frozen=True)
class ModelFacts:
    """Named as in `InstrumentedModel`."""

    name: str
    n_layers: int
    n_heads: int
    context_window: int | None
    device: str
    dtype: str
    quantisation: str | None


def facts_of(model: InstrumentedModel) -> ModelFacts:
    """A loaded model's facts."""
    return ModelFacts(
        name=model.name,
        n_layers=model.n_layers,
        n_heads=model.n_heads,
        context_window=model.context_window,
        device=str(model.device),
        dtype=str(model.dtype),
        quantisation=model.quantisation,
    )
