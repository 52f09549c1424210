"""Format: does the model mean to answer with a label word, and what would it write instead?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from icldiag.analyses.lens import bare
from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.readout import FloatArray
from icldiag.private import PRIVATE


@dataclass(frozen=True)
class Instead:
    """A token that begins no label word as it is written, as the model's first choice."""

    text: str = field(metadata=PRIVATE)
    queries: tuple[int, ...]  # whose first choice it is
    probability: float  # its mean there


@dataclass(frozen=True)
class Writing:
    """What n queries would be answered with, were all tokens allowed."""

    mass: FloatArray  # (n,) probability of the label words' first tokens over the whole vocabulary
    first: tuple[str, ...] = field(metadata=PRIVATE)  # (n) the most probable token
    instead: tuple[Instead, ...]  # tokens that begin no label word in any case or spacing; the commonest first
    respelled: tuple[Instead, ...] = ()  # tokens that begin one in another case or spacing

    @property
    def mean_mass(self) -> float:
        return float(self.mass.mean())

    @property
    def elsewhere(self) -> int:
        """Queries whose most probable token begins no label word, in any case or spacing."""
        return sum(len(one.queries) for one in self.instead)


def writing(prediction: Prediction, label_tokens: Collection[str]) -> Writing:
    """Count the first choices.

    Args:
        label_tokens: the texts of the label words' first tokens.
    """
    first = [tokens[0] for tokens in prediction.top_tokens]
    places: dict[str, list[int]] = {}
    for query, token in enumerate(first):
        if token.text not in label_tokens:
            places.setdefault(token.text, []).append(query)
    found = [
        Instead(text, tuple(queries), float(np.mean([first[query].probability for query in queries])))
        for text, queries in sorted(places.items(), key=lambda one: -len(one[1]))
    ]
    spelled = {bare(token) for token in label_tokens} - {""}
    return Writing(
        prediction.label_mass,
        tuple(token.text for token in first),
        tuple(one for one in found if bare(one.text) not in spelled),
        tuple(one for one in found if bare(one.text) in spelled),
    )
