"""Demonstrations that are chosen for each query: the labelled examples whose texts are most like its own.

They stand after the prompt's own demonstrations, the most alike last, next to the query. Alike is what BM25 says of two
texts (Robertson and Zaragoza 2009), as Rubin et al. 2022 (arXiv 2112.08633) choose demonstrations without training. A
text never gets itself, so that an example that is asked as a query is answered as one that is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.arguments import Count, check_fields
from icldiag.errors import PromptError

_WORD = re.compile(r"\w+")
_HELD = 4  # indices of texts


@dataclass(frozen=True)
class Retrieval:
    """How many examples each query is shown, and by which measure."""

    count: Count
    by: Literal["bm25"] = "bm25"

    def __post_init__(self) -> None:
        check_fields(self, PromptError)


def nearest(count: int, query: str, texts: tuple[str, ...], shown: Iterable[str]) -> list[int]:
    """Places of the texts that stand before a query, the most alike last; none that has no word in common with it.

    Args:
        shown: what the prompt shows already. No text comes twice, in the same words, and none in the query's own.
    """
    index = _index(texts)
    scores = index.scores(query)
    taken = {_words(text) for text in (query, *shown)}
    found: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if len(found) == count or scores[place] <= 0:
            break
        if index.words[place] not in taken:
            taken.add(index.words[place])
            found.append(place)
    return found[::-1]


def likeness(query: str, texts: tuple[str, ...]) -> NDArray[np.float64]:
    """(texts,) BM25 of each; 0 of those that are the query, word for word."""
    index = _index(texts)
    own = _words(query)
    return np.where([words == own for words in index.words], 0.0, index.scores(query))


def label_shares(scores: NDArray[np.float64], labels: Sequence[int], classes: int, count: int) -> NDArray[np.float64]:
    """Each label's share of the scores of the nearest texts: (n, texts) -> (n, C); alike for all where none is near.

    Args:
        labels: (texts,) class indices.
        count: how many are the nearest.
    """
    count = min(count, scores.shape[1])
    top = np.argsort(-scores, axis=1, kind="stable")[:, :count]  # (n, count)
    votes = np.take_along_axis(scores, top, axis=1)
    of = np.asarray(labels, int)[top]
    found = np.stack([(votes * (of == label)).sum(1) for label in range(classes)], axis=1)
    total = found.sum(1, keepdims=True)
    return np.where(total > 0, found / np.where(total > 0, total, 1), 1 / classes)


def _words(text: str) -> tuple[str, ...]:
    """Runs of letters and digits, in any case."""
    return tuple(_WORD.findall(text.casefold()))


class _Index:
    """Texts by their words."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        import bm25s  # with scipy, which takes a while

        self.words = [_words(text) for text in texts]
        self._known = {word for words in self.words for word in words}
        self._bm25: Any = bm25s.BM25()
        if self._known:
            self._bm25.index([list(words) for words in self.words], show_progress=False)

    def scores(self, query: str) -> NDArray[np.float32]:
        """(texts,) BM25 of each; 0 where no word is shared."""
        words = [word for word in _words(query) if word in self._known]
        return np.asarray(self._bm25.get_scores(words) if words else np.zeros(len(self.words)), np.float32)


_index = lru_cache(maxsize=_HELD)(_Index)
