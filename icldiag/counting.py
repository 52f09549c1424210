"""A number and its noun, and several names, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """'1 error', '2 errors', '3 queries', '4 classes', '5 passes'."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun}"


def is_or_are(count: int) -> str:
    return "is" if count == 1 else "are"


def all_are(count: int, noun: str) -> str:
    """'The one query is', 'Both queries are', 'All 3 queries are'."""
    several = counted(count, noun)
    named = {1: f"The one {noun}", 2: f"Both {several.removeprefix('2 ')}"}.get(count, f"All {several}")
    return f"{named} {is_or_are(count)}"


def how_far(done: int, total: int) -> str:
    """'3 of 40'; a share of what is counted in thousands, as tokens are: '33%'."""
    return f"{done} of {total}" if total < 1000 else f"{100 * done // total}%"


def joined(names: Sequence[str], last: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def shown_of(count: int, most: int) -> int:
    """How many of so many are named where there is room for `most` and 'and 3 more': one more is named instead."""
    return count if count <= most + 1 else most


def few(names: Sequence[str], most: int) -> str:
    """'a, b and c', or 'a, b, c and 3 more'."""
    shown = shown_of(len(names), most)
    return joined(names) if shown == len(names) else f"{', '.join(names[:shown])} and {len(names) - shown} more"
