"""A number and its noun in a sentence."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """'1 error', '2 errors', '3 queries', '4 classes', '5 passes'."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun}"
