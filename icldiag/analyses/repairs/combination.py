"""Two changes of a prompt in one: what the one changed, and what the other changed elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from icldiag.analyses.search.repair import Repair

T = TypeVar("T")


def combined(start: Repair, first: Repair, second: Repair) -> Repair | None:
    """Both changes of `start`; None where they change the same, or one is made for the prompt's own text."""
    if first.beta is not None or second.beta is not None:
        return None
    demonstrations = _merged(start.demonstrations, first.demonstrations, second.demonstrations)
    labels = _merged(start.labels, first.labels, second.labels)
    retrievals = _merged((start.retrieval,), (first.retrieval,), (second.retrieval,))
    if demonstrations is None or labels is None or retrievals is None:
        return None
    chat = first.chat or second.chat
    if chat and retrievals != (None,):
        return None
    name = f"{first.name} and {second.name}"
    short = " + ".join(filter(None, (first.short, second.short)))
    changed = replace(first, family="combination", name=name, short=short, calibration=None)
    return replace(changed, demonstrations=demonstrations, labels=labels, retrieval=retrievals[0], chat=chat)


def _merged(old: tuple[T, ...], first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...] | None:
    if old in (first, second):
        return second if first == old else first
    if not len(old) == len(first) == len(second):
        return None
    if any(one != before != other for before, one, other in zip(old, first, second, strict=True)):
        return None
    return tuple(one if one != before else other for before, one, other in zip(old, first, second, strict=True))
