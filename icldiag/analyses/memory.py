"""What labs asked of a model, so that nobody asks it twice."""

from __future__ import annotations

from collections.abc import Hashable

from icldiag.model.readout import FloatArray

_KEPT = 20_000  # scores


class Memory:
    """Label scores (C,) by question: its tokens, its edits, and what is scored. Of one model; the oldest go first."""

    def __init__(self) -> None:
        self._scores: dict[Hashable, FloatArray] = {}

    def __len__(self) -> int:
        return len(self._scores)

    def get(self, key: Hashable) -> FloatArray | None:
        return self._scores.get(key)

    def keep(self, key: Hashable, scores: FloatArray) -> None:
        self._scores[key] = scores
        if len(self._scores) > _KEPT:
            self._scores.pop(next(iter(self._scores)), None)
