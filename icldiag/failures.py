"""What other libraries raise: whether it is a failure, and what it says on one line."""

from __future__ import annotations


def is_failure(error: BaseException) -> bool:
    """Whether something went wrong; a panic of a library in Rust is no `Exception` to Python."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def reason_of(error: BaseException) -> str:
    """What a library says, on one line, as part of a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if isinstance(error, KeyError):
        return f"it lacks {lines[0][:160]}"
    # Validation errors say in their first line which field is wrong, and in the second why.
    text = f"{lines[0]} {lines[1]}" if lines[0].endswith(":") and len(lines) > 1 else lines[0]
    return text if len(text) <= 200 else f"{text[:199]}…"
