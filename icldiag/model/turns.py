"""Who may use a model: one thread at a time, in the order in which they came; between two passes, who is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WAITS = "waiting for its turn"  # what is said of a computation until it may use the model
_SECONDS = 0.2  # between two questions to who waits

_here = threading.local()  # the rank of this thread


@contextmanager
def ranked(rank: int) -> Iterator[None]:
    """What this thread computes within the block goes before what has a lower rank; without one the rank is 0."""
    before, _here.rank = _rank(), rank
    try:
        yield
    finally:
        _here.rank = before


def _rank() -> int:
    rank: int = getattr(_here, "rank", 0)
    return rank


class Turns:
    """A re-entrant lock that lets in who has the highest rank, and of equals who waits longest.

    Python's own RLock lets in whoever asks first after it was left, which is mostly the thread that has just left it:
    an export would keep everyone else waiting to its end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, object]] = []  # ranks and tickets
        self._holder: int | None = None
        self._asks: Callable[[], object] | None = None  # of the holder, while it waits
        self._depth = 0
        self._whole = 0  # of the depth, how many blocks must not be interrupted

    @contextmanager
    def taken(self, waiting: Callable[[], object]) -> Iterator[None]:
        """As `with turns`, but `give_way` interrupts it.

        `waiting` is called now and then until the turn comes, and may raise to give it up.
        """
        self._enter(waiting)
        try:
            yield
        finally:
            self._leave()

    def __enter__(self) -> None:
        self._enter(None)
        self._whole += 1

    def __exit__(self, *error: object) -> None:
        self._whole -= 1
        self._leave()

    @property
    def awaited(self) -> bool:
        """Whether a thread waits for its turn."""
        return bool(self._waiting)

    def give_way(self) -> None:
        """Between two passes, where nothing of this thread's is left in the model: who has a higher rank goes first.

        Does nothing within `with turns`, and for a thread that does not hold the turn. Raises what `waiting` raises;
        the turn is then given up.
        """
        with self._changed:
            ahead = any(rank > _rank() for rank, _ in self._waiting)
            if self._holder != threading.get_ident() or self._whole or not ahead:
                return
            depth, asks = self._depth, self._asks
            self._depth, self._holder = 0, None
            self._wait(asks, first=True)
            self._depth, self._asks = depth, asks

    def _enter(self, waiting: Callable[[], object] | None) -> None:
        with self._changed:
            if self._holder != threading.get_ident():
                self._wait(waiting)
                self._asks = waiting
            self._depth += 1

    def _wait(self, waiting: Callable[[], object] | None, first: bool = False) -> None:
        """Until it is this thread's turn; of equals it is the first, or the last."""
        ticket = (_rank(), object())
        self._waiting.insert(0 if first else len(self._waiting), ticket)
        self._changed.notify_all()
        try:
            while not (self._holder is None and max(self._waiting, key=lambda one: one[0]) is ticket):
                self._changed.wait(None if waiting is None else _SECONDS)
                if waiting is not None:
                    waiting()
            self._holder = threading.get_ident()
        finally:
            self._waiting.remove(ticket)
            self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            if self._holder != threading.get_ident():  # it was given up while another thread had it
                return
            self._depth -= 1
            if self._depth == 0:
                self._holder = None
                self._changed.notify_all()
