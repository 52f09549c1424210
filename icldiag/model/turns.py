"""Who may use a model: one thread at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A re-entrant lock that lets in who waits longest.

    Python's own RLock lets in whoever asks first after it was left, which is mostly the thread that has just left it:
    an export would keep everyone else waiting to its end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._holder: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me, ticket = threading.get_ident(), object()
        with self._changed:
            if self._holder != me:
                self._waiting.append(ticket)
                try:
                    self._changed.wait_for(lambda: self._holder is None and self._waiting[0] is ticket)
                    self._holder = me
                finally:
                    self._waiting.remove(ticket)
                    self._changed.notify_all()
            self._depth += 1

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._depth -= 1
            if self._depth == 0:
                self._holder = None
                self._changed.notify_all()
