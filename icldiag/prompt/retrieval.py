"""Demonstrations that are chosen for each query: the labelled examples whose texts are most like its own.

They stand after the prompt's own demonstrations, the most alike last, next to the query. Alike is what BM25 says of two
texts (Robertson and Zaragoza 2009), as Rubin et al. 2022 (arXiv 2112.08633) choose demonstrations without training. A
text never gets itself, so that an example that is asked as a query is answered as one that is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from icldiag.errors import PromptError

if TYPE_CHECKING:
    from icldiag.prompt.schema import Example

_WORD = re.compile(r"\w+")
_HELD = 4  # indices of examples


@dataclass(frozen=True)
class Retrieval:
    """How many examples each query is shown, and by which measure."""

    count: int
    by: Literal["bm25"] = "bm25"


def retrieved(rule: Retrieval, query: Example, examples: Sequence[Example], shown: Sequence[Example]) -> list[Example]:
    """The examples that stand before a query, the most alike last; none that has no word in common with it.

    Args:
        examples: those that are labelled may be chosen.
        shown: the prompt's own demonstrations, which are not shown twice.

    Raises:
        PromptError: the library is not installed.
    """
    index = _index(tuple(example for example in examples if example.label is not None))
    scores = index.scores(query)
    taken = {index.words(example) for example in (query, *shown)}
    found: list[Example] = []
    for place in np.argsort(-scores, kind="stable"):
        if len(found) == rule.count or scores[place] <= 0:
            break
        if index.texts[place] not in taken:
            taken.add(index.texts[place])
            found.append(index.examples[place])
    return found[::-1]


class _Index:
    """Examples by their words: runs of letters and digits, in any case."""

    def __init__(self, examples: tuple[Example, ...]) -> None:
        self.examples = examples
        self.texts = [self.words(example) for example in examples]
        self._known = {word for words in self.texts for word in words}
        self._bm25: Any = None
        if self._known:
            self._bm25 = _library().BM25()
            self._bm25.index([list(words) for words in self.texts], show_progress=False)

    @staticmethod
    def words(example: Example) -> tuple[str, ...]:
        return tuple(_WORD.findall(" ".join(example.texts).casefold()))

    def scores(self, query: Example) -> np.ndarray:
        """(examples,) BM25 of each; 0 where no word is shared."""
        words = [word for word in self.words(query) if word in self._known]
        return np.asarray(self._bm25.get_scores(words)) if words else np.zeros(len(self.examples))


_index = lru_cache(maxsize=_HELD)(_Index)


def missing_library() -> str | None:
    """What to install, if it is not."""
    if find_spec("bm25s") is not None:
        return None
    return "demonstrations are chosen by BM25 with the package bm25s; pip install 'icldiag[retrieval]'"


def _library() -> Any:
    missing = missing_library()
    if missing is not None:
        raise PromptError(missing, field="retrieval")
    import bm25s

    return bm25s
