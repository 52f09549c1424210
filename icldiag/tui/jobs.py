"""Jobs run in threads, post one frozen value, and never touch a widget.

A thread cannot be killed: a cancelled job notices when it next reports progress, between layers and batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakSet

from textual.app import App
from textual.worker import Worker, get_current_worker

from icldiag.errors import Cancelled, IcldiagError, NotStored
from icldiag.tui.messages import JobFailed, JobFinished, JobProgressed, Progress

_SECONDS_BETWEEN_REPORTS = 0.15  # more would repaint the header for nothing


class Jobs:
    """The app's running jobs, at most one of a name; a newer one cancels the older."""

    def __init__(self, app: App[Any]) -> None:
        self.app = app
        self.running: dict[str, tuple[Hashable, Worker[None]]] = {}
        self._begun: WeakSet[Worker[None]] = WeakSet()  # those whose threads run, and will say how it ended

    def start(self, job: str, key: Hashable, work: Callable[[Progress], Any]) -> None:
        """Run `work` in a thread; its value or its error comes back as a message."""
        if job in self.running and self.running[job][0] == key:
            return
        worker = self.app.run_worker(
            lambda: self._run(job, key, work), group=job, exclusive=True, exit_on_error=False, thread=True
        )
        self.running[job] = (key, worker)

    def cancel(self, job: str) -> None:
        if job in self.running:
            key, worker = self.running[job]
            worker.cancel()
            if worker not in self._begun:
                self.app.post_message(JobFailed(job, key, "stopped", cancelled=True))

    def cancel_all(self, but: str | None = None) -> None:
        for job in self.running:
            if job != but:
                self.cancel(job)

    def ended(self, job: str, key: Hashable) -> None:
        """A message of the job's end was handled."""
        if job in self.running and self.running[job][0] == key:
            del self.running[job]

    def _run(self, job: str, key: Hashable, work: Callable[[Progress], Any]) -> None:
        worker = get_current_worker()
        self._begun.add(worker)
        reported = 0.0

        def progress(what: str, done: int, total: int) -> None:
            nonlocal reported
            if worker.is_cancelled:
                raise Cancelled("stopped")
            now = time.monotonic()
            if now - reported >= _SECONDS_BETWEEN_REPORTS:
                reported = now
                text = f"{what} {done} of {total}" if total else what
                self.app.post_message(JobProgressed(job, text))

        try:
            value = work(progress)
        except NotStored:
            self.app.post_message(JobFailed(job, key, "", not_stored=True))
        except Cancelled:
            self.app.post_message(JobFailed(job, key, "stopped", cancelled=True))
        except IcldiagError as error:
            self.app.post_message(JobFailed(job, key, str(error)))
        except MemoryError:
            self.app.post_message(JobFailed(job, key, "not enough memory; use a smaller model or fewer queries"))
        except Exception as error:  # a bug of ours must not take the app down with it
            text = " ".join(str(error).split())[:200]
            self.app.post_message(JobFailed(job, key, f"unexpected {type(error).__name__}: {text}"))
        else:
            self.app.post_message(JobFinished(job, key, value))
