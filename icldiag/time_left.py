"""How long a computation goes on, judged by how it went."""

from __future__ import annotations

_AT_ONCE, _SURE = 1.0, 3.0  # seconds within which nothing was computed, and after which a step's pace is told


def in_words(seconds: float) -> str:
    """'less than 1 s', '50 s', '7 min', '3 h'."""
    if seconds < 1:
        return "less than 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def about(seconds: float) -> str:
    return in_words(seconds) if seconds < 1 else f"about {in_words(seconds)}"


class TimeLeft:
    """Of the step that a job is in. What is done at once, such as what was there before, says nothing of its pace."""

    def __init__(self) -> None:
        self._step: tuple[str, int] | None = None
        self._began, self._first = 0.0, 0

    def after(self, what: str, done: int, total: int, now: float) -> str:
        """', about 9 s left', or nothing as long as it is not known."""
        new = self._step != (what, total)
        if new or (done > self._first and now - self._began < _AT_ONCE):
            self._step, self._began, self._first = (what, total), now, done
        passed, gone = done - self._first, now - self._began
        if passed <= 0 or gone < _SURE or done >= total:
            return ""
        return f", {about(gone / passed * (total - done))} left"
