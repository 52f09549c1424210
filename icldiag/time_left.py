"""How long a computation goes on, judged by how it went."""

from __future__ import annotations

from math import inf, log

_AT_ONCE, _SURE = 1.0, 3.0  # seconds within which nothing was computed, and after which a step's pace is told
_PART, _SURER = 1 / 50, 10.0  # of the step, that must be done before; or seconds after which any pace is told
_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 45)  # of a unit of time
_OTHER = 1.25  # times what was told, beyond which more time is left than was told, or less


def in_words(seconds: float) -> str:
    """'less than 1 s', '50 s', '7 min', '3 h'."""
    if seconds < 1:
        return "less than 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def roughly(seconds: float) -> str:
    """The same for what was never timed: in steps so large that a machine that is a little busier changes none."""
    if seconds < 1:
        return in_words(seconds)
    steps = (unit * count for unit in (1, 60, 3600) for count in _STEPS)
    nearest = min(steps, key=lambda step: abs(log(step / seconds)))
    unit, name = next((unit, name) for unit, name in ((3600, "h"), (60, "min"), (1, "s")) if nearest >= unit)
    return f"{nearest // unit} {name}"


def about(seconds: float) -> str:
    return in_words(seconds) if seconds < 1 else f"about {in_words(seconds)}"


class TimeLeft:
    """Of the step that a job is in, by its pace. What is done at once, as what was there before is, says nothing of it.

    Between two counts the time runs down to what will be left at the next one, and waits for that there. Where a pace
    varies a little, as it does under load, what is told stands still and does not rise.
    """

    def __init__(self) -> None:
        self._step: tuple[str, int] | None = None
        self._opened, self._began, self._first = 0.0, 0.0, 0  # the pace is of what is done after `first`
        self._counted, self._done = 0.0, 0  # at the last count
        self._from, self._to, self._takes = inf, inf, 1.0  # left then, and at the next count, and seconds until that

    def after(self, what: str, done: int, total: int, now: float) -> str:
        """', about 9 s left', or nothing as long as it is not known."""
        new = self._step != (what, total) or done < self._done
        self._opened = now if new else self._opened
        if new or (done > self._first and now - self._opened < _AT_ONCE):
            self._step, self._began, self._first = (what, total), now, done
            self._counted, self._done, self._from = now, done, inf
        elif done > self._done:
            self._count(done, total, now)
        left = self._left(now)
        since = now - self._began
        known = since >= _SURER or (since >= _SURE and done - self._first >= _PART * total)
        if done >= total or not 0 < left < inf or not known:
            return ""
        return f", {about(_rounded(left))} left"

    def _count(self, done: int, total: int, now: float) -> None:
        pace, told, counted = (now - self._began) / (done - self._first), self._left(now), done - self._done
        left = pace * (total - done)
        self._from = told if told / _OTHER <= left <= _OTHER * told < inf else left
        self._to = min(self._from, pace * max(0, total - done - counted))
        self._takes, self._counted, self._done = pace * counted, now, done

    def _left(self, now: float) -> float:
        if self._from == inf:
            return inf
        return self._from + (self._to - self._from) * min(1.0, (now - self._counted) / self._takes)


def _rounded(seconds: float) -> float:
    """To steps that can be read as they fall."""
    return seconds if seconds < 20 else 5 * round(seconds / 5)
