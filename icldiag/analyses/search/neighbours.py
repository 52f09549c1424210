"""The votes of a text's neighbours among the labelled examples, also with folds of these left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.model.readout import FloatArray, IntArray
from icldiag.prompt.retrieval import label_shares, likeness
from icldiag.prompt.schema import Example, Prompt


class Neighbours:
    """The prompt's labelled examples as voters."""

    def __init__(self, prompt: Prompt) -> None:
        self.voters, self.classes = prompt.labelled, len(prompt.labels)
        self._texts = tuple(example.text for example in self.voters)
        self._labels = [example.known_label for example in self.voters]
        self._known: dict[str, FloatArray] = {}

    def shares(self, examples: Sequence[Example], count: int) -> FloatArray:
        """(n, C) each label's share of the votes."""
        return label_shares(self._likeness(examples), self._labels, self.classes, count)

    def without(
        self, examples: Sequence[Example], folded: Sequence[Example], folds: IntArray, out: Sequence[int], count: int
    ) -> FloatArray:
        """The same while none votes that is in these folds, nor in the text's own.

        A class loses its part with a fold, as folds are cut class by class. If a text alone were left out, the others
        of its class would be fewer than those of any other class, and so speak for those.

        Args:
            folds: (folded,) the fold of each of these texts; the others vote always.
        """
        of = {example.text: int(fold) for example, fold in zip(folded, folds, strict=True)}
        voting = np.array([of.get(text, -1) for text in self._texts])
        own = np.array([of.get(example.text, -2) for example in examples])
        silent = np.isin(voting, list(out))[None, :] | (own[:, None] == voting[None, :])
        return label_shares(np.where(silent, 0.0, self._likeness(examples)), self._labels, self.classes, count)

    def _likeness(self, examples: Sequence[Example]) -> FloatArray:
        """(n, voters) by BM25."""
        for example in examples:
            if example.text not in self._known:
                self._known[example.text] = likeness(example.text, self._texts)
        return np.array([self._known[example.text] for example in examples]).reshape(-1, len(self.voters))
