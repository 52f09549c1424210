"""Who may use a model: one thread at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS = 0.2  # between two questions to who waits


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

    @contextmanager
    def taken(self, waiting: Callable[[], object]) -> Iterator[None]:
        """As `with turns`; `waiting` is called now and then until the turn comes, and may raise to give it up."""
        self._enter(waiting)
        try:
            yield
        finally:
            self.__exit__()

    def __enter__(self) -> None:
        self._enter(None)

    def _enter(self, waiting: Callable[[], object] | None) -> None:
        me, ticket = threading.get_ident(), object()
        with self._changed:
            if self._holder != me:
                self._waiting.append(ticket)
                try:
                    while not (self._holder is None and self._waiting[0] is ticket):
                        self._changed.wait(None if waiting is None else _SECONDS)
                        if waiting is not None:
                            waiting()
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
