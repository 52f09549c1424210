"""What other libraries raise: whether it is a failure, and what it says on one line."""

from __future__ import annotations

from icldiag.quoting import brief


def is_failure(error: BaseException) -> bool:
    """Whether something went wrong; a panic of a library in Rust is no `Exception` to Python."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def reason_of(error: BaseException) -> str:
    """What a library says, on one line, as part of a sentence."""
    if isinstance(error, KeyError):
        return f"it lacks {brief(error)}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Validation errors say in their first line which field is wrong, and in the second why.
    return brief(" ".join(lines[:2]) if lines and lines[0].endswith(":") else error)
