"""What can be cut, and its names on screens and in reports. Imports nothing heavy: the app's panels read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from icldiag.arguments import Index, Seed, check_fields
from icldiag.errors import AnalysisError
from icldiag.indices import head_index, layer_index
from icldiag.page.text import ranges

CutKind = Literal[
    "text_to_label",
    "label_to_target",
    "random_words",
    "forerunner_to_label",
    "forerunner_to_target",
    "template_to_target",
    "text_to_target",
]
CUT_NAMES: dict[CutKind, str] = {
    "text_to_label": "text -> label words",
    "label_to_target": "label words -> target",
    "random_words": "text -> random words",
    "forerunner_to_label": "forerunners -> label words",
    "forerunner_to_target": "forerunners -> target",
    "template_to_target": "template -> target",
    "text_to_target": "texts -> target",
}
#: Those that a report and the paper sweep over all layers.
CUTS: tuple[CutKind, ...] = ("text_to_label", "label_to_target", "random_words")
#: Those of what the target reads.
TARGET_CUTS: tuple[CutKind, ...] = tuple(kind for kind in CUT_NAMES if kind.endswith("_to_target"))


@dataclass(frozen=True)
class Cut:
    """What is cut, in which layers. `seed` draws the random words; `renormalise` cuts before the softmax, not after.

    heads: only these, (layer, head), of the layers; () cuts all. What the target reads alone can be cut head by head.

    Raises AnalysisError: there is no such kind, or a field is of another type.
    """

    kind: CutKind
    layers: Annotated[tuple[Index, ...], Field(strict=False)]  # or a list
    seed: Seed = 0
    renormalise: bool = True
    heads: Annotated[tuple[tuple[Index, Index], ...], Field(strict=False)] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if self.heads and not self.at_target:
            raise AnalysisError(
                f"{CUT_NAMES[self.kind]} is cut in all heads of a layer; name heads for what the target reads"
            )

    @property
    def at_target(self) -> bool:
        """Whether it is what the target reads."""
        return self.kind in TARGET_CUTS

    @staticmethod
    def of(
        kind: CutKind,
        layers: Iterable[int],
        seed: int = 0,
        renormalise: bool = True,
        heads: Iterable[tuple[int, int]] = (),
    ) -> Cut:
        return Cut(kind, tuple(sorted(set(layers))), seed, renormalise, tuple(sorted(set(heads))))

    @staticmethod
    def of_heads(kind: CutKind, heads: Iterable[tuple[int, int]], renormalise: bool = True) -> Cut:
        """These heads, (layer, head), and no other."""
        chosen = tuple(heads)
        return Cut.of(kind, [layer for layer, _ in chosen], 0, renormalise, chosen)

    def within(self, layers: int, heads: int) -> Cut:
        """The same cut, each layer and head once and in order. Raises AnalysisError: one that is not there."""
        chosen = [layer_index(layer, layers) for layer in self.layers]
        named = [(layer_index(layer, layers), head_index(head, heads)) for layer, head in self.heads]
        if named:  # a layer without any of them is left whole
            named = [one for one in named if one[0] in chosen]
            chosen = [layer for layer, _ in named]
        return Cut.of(self.kind, chosen, self.seed, self.renormalise, named)


def in_layers(layers: Collection[int]) -> str:
    """'layer 3', 'layers 0-4, 7', 'no layer'."""
    return f"layer{'s' if len(layers) > 1 else ''} {ranges(layers)}" if layers else "no layer"


def in_heads(heads: Collection[tuple[int, int]]) -> str:
    """'head 17.3', 'heads 17.3, 18.1'."""
    return f"head{'s' if len(heads) > 1 else ''} {', '.join(f'{layer}.{head}' for layer, head in heads)}"


def where(cut: Cut) -> str:
    """The layers that are cut, or the heads where it is limited to some."""
    return in_heads(cut.heads) if cut.heads else in_layers(cut.layers)
