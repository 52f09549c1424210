"""What can be cut, and its names on screens and in reports. Imports nothing heavy: the app's panels read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from icldiag.arguments import Index, Seed, check_fields
from icldiag.indices import layer_index
from icldiag.page.text import ranges

CutKind = Literal["text_to_label", "label_to_target", "random_words"]
CUT_NAMES: dict[CutKind, str] = {
    "text_to_label": "text -> label words",
    "label_to_target": "label words -> target",
    "random_words": "text -> random words",
}
CUTS: tuple[CutKind, ...] = tuple(CUT_NAMES)


@dataclass(frozen=True)
class Cut:
    """What is cut, in which layers. `seed` draws the random words; `renormalise` cuts before the softmax, not after.

    Raises AnalysisError: there is no such kind, or a field is of another type.
    """

    kind: CutKind
    layers: Annotated[tuple[Index, ...], Field(strict=False)]  # or a list
    seed: Seed = 0
    renormalise: bool = True

    def __post_init__(self) -> None:
        check_fields(self)

    @staticmethod
    def of(kind: CutKind, layers: Iterable[int], seed: int = 0, renormalise: bool = True) -> Cut:
        return Cut(kind, tuple(sorted(set(layers))), seed, renormalise)

    def within(self, layers: int) -> Cut:
        """The same cut, each layer once and in order. Raises AnalysisError: a layer that is not there."""
        chosen = [layer_index(layer, layers) for layer in self.layers]
        return Cut.of(self.kind, chosen, self.seed, self.renormalise)


def in_layers(layers: Collection[int]) -> str:
    """'layer 3', 'layers 0-4, 7', 'no layer'."""
    return f"layer{'s' if len(layers) > 1 else ''} {ranges(layers)}" if layers else "no layer"
