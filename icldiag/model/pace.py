"""How long passes take on this machine, for what says before how long it will take."""

from __future__ import annotations

_A_PASS = 32  # tokens in whose time a pass does what each does once, on a CPU
_HALF = 30.0  # seconds of passes after which an earlier one counts half


class Pace:
    """Of the passes so far, the latest counting most: a machine is not as busy an hour later."""

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """A pass that was timed."""
        kept = 0.5 ** (seconds / _HALF)
        self._tokens = kept * self._tokens + tokens + _A_PASS
        self._seconds = kept * self._seconds + seconds

    @property
    def per_token(self) -> float | None:
        """Seconds, among many tokens; None before the first pass."""
        return self._seconds / self._tokens if self._tokens else None
