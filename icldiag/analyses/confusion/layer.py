"""The layer whose anchors are compared where none is named.

The anchors matter where the target reads the answer off them, which is measured without any gold label: the layer whose
AUCROC_l (see `analyses.extraction`) is largest. An AUCROC against one answer that a few queries got says nothing, nor
does one that is nowhere over 0.5; there it is the paper's layer. See docs/confusion.md for what this was chosen from,
and on what.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.analyses.extraction.compute import aucroc_of_layers
from icldiag.analyses.roc import ENOUGH
from icldiag.model.readout import IntArray, Readout


@dataclass(frozen=True)
class DefaultLayer:
    """A layer, and what it was chosen by."""

    layer: int
    aucroc: float | None  # of the attention in that layer; None where it is the paper's layer
    at_chance: bool = False  # the attention predicts the answers in no layer

    @property
    def reason(self) -> str:
        """Why this layer, as the end of a sentence."""
        if self.aucroc is None:
            why = (
                "attention to the label words predicts the answers in no layer better than chance"
                if self.at_chance
                else f"there are no two labels that are the answer of {ENOUGH} queries each"
            )
            return f"it is two thirds of the way up, as in the paper, because {why}"
        return f"attention to the label words predicts the answers best there (AUCROC {self.aucroc:.2f})"


def default_layer(aucroc: Sequence[float | None], predicted: IntArray) -> DefaultLayer:
    """Where the answers are read off the anchors.

    Args:
        aucroc: per layer, of the target's attention to the label words against the answers.
        predicted: (n,) the answers, as classes.
    """
    _, counts = np.unique(predicted, return_counts=True)
    defined = [(value, layer) for layer, value in enumerate(aucroc) if value is not None]
    if (counts >= ENOUGH).sum() < 2:
        return DefaultLayer(paper_layer(len(aucroc)), None)
    best, layer = max(defined, key=lambda entry: entry[0], default=(0.5, 0))  # the first of equal ones, as in Extract
    return DefaultLayer(layer, best) if best > 0.5 else DefaultLayer(paper_layer(len(aucroc)), None, at_chance=True)


def layer_of(readout: Readout) -> DefaultLayer:
    """The default layer for the queries that were read, with their target."""
    assert readout.target is not None
    predicted = readout.label_scores.argmax(axis=1)
    return default_layer(aucroc_of_layers(readout.target.attention, predicted), predicted)


def paper_layer(layers: int) -> int:
    """Two thirds of the way up: layer 32 of 48 in the paper, 8 of 12, 6 of 8."""
    return min(layers - 1, math.ceil(2 * layers / 3))
