"""What labs asked of a model, so that nobody asks it twice."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import islice

from icldiag.model.readout import FloatArray

_KEPT = 20_000  # scores


class Memory(dict[Hashable, FloatArray]):
    """Label scores (C,) by question: its tokens, its edits, and what is scored. Of one model; the oldest go first."""

    def keep(self, known: Mapping[Hashable, FloatArray]) -> None:
        self.update(known)
        for key in list(islice(self, max(0, len(self) - _KEPT))):
            del self[key]
