"""Indices that a caller gives: checked in one place, so that none is taken from the other end or for another's.

Screens, reports and the command line number queries from 1, as people count; Python counts from 0. A message that both
may read says both.
"""

from __future__ import annotations

import operator
from typing import Any

from icldiag.counting import counted
from icldiag.errors import AnalysisError


def query_index(given: Any, count: int) -> int:
    """The index of one of the prompt's queries, as an int. Raises AnalysisError; see `_index`."""
    return _index(given, count, "query", _there(count, "query"))


def class_index(given: Any, count: int) -> int:
    """The same of a class, in the order of the prompt's labels."""
    return _index(given, count, "class", _there(count, "class"))


def demonstration_index(given: Any, count: int) -> int:
    """The same of a demonstration."""
    return _index(given, count, "demonstration", _there(count, "demonstration"))


def layer_index(given: Any, count: int) -> int:
    """The same of one of the model's layers, which screens count from 0 too."""
    return _index(given, count, "layer", f"; the model has layers 0 to {count - 1}")


def head_index(given: Any, count: int) -> int:
    """The same of one of a layer's heads, which screens count from 0 too."""
    return _index(given, count, "head", f"; the model has heads 0 to {count - 1} in each layer")


def _there(count: int, what: str) -> str:
    last = "index 0" if count == 1 else f"indices 0 to {count - 1}"
    return f" (indices count from 0); the prompt has {counted(count, what)}, {last}"


def _index(given: Any, count: int, what: str, there: str) -> int:
    """A whole number from 0 up to `count`, of any integer type such as NumPy's.

    Raises:
        AnalysisError: it is no such number; a bool or a float is none.
    """
    try:
        index = None if isinstance(given, bool) else operator.index(given)
    except TypeError:
        index = None
    if index is None:
        raise AnalysisError(f"a {what} is named by its index, a whole number, not by {given!r:.80}{there}")
    if not 0 <= index < count:
        told = index if abs(index) < 10**20 else "of so many digits"
        raise AnalysisError(f"there is no {what} {told}{there}")
    return index


def named_query(index: int) -> str:
    """A query for both readers: 'query 1 (index 0)'."""
    return f"query {index + 1} (index {index})"
