"""Jobs run in threads, post one frozen value, and never touch a widget.

A thread cannot be killed: a cancelled job notices when it next reports progress, between layers and batches.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.worker import Worker, get_current_worker

from icldiag.counting import how_far
from icldiag.crash import write_crash
from icldiag.errors import Cancelled, IcldiagError, NotStored
from icldiag.foreign_errors import cure_of_import
from icldiag.model.turns import ranked
from icldiag.time_left import TimeLeft
from icldiag.tui.messages import JobFailed, JobFinished, JobPart, JobProgressed
from icldiag.tui.run import Failure, Run

if TYPE_CHECKING:
    from icldiag.model.readout import Progress
    from icldiag.tui.textual_fixes.guard import GuardedApp

_SECONDS_BETWEEN_REPORTS = 0.15  # more would repaint the header for nothing
_BEHIND = ("export",)  # jobs that nobody waits for in front of a panel


class Jobs:
    """The app's running jobs, at most one of a name; a newer one cancels the older.

    What was asked for last has the model first: the user looks at its panel.
    """

    def __init__(self, app: GuardedApp) -> None:
        self.app = app
        self.running: dict[str, Run] = {}
        self._workers: dict[str, Worker[None]] = {}
        self._ranks = itertools.count(1)

    def start(self, run: Run, work: Callable[[Progress], Any]) -> None:
        """Run `work` in a thread; its value or its error comes back as a message."""
        now = self.running.get(run.job)
        if now is not None and (now.key, now.session, now.stopped) == (run.key, run.session, False):
            return
        self.running[run.job] = run
        rank = 0 if run.job in _BEHIND else next(self._ranks)
        self._workers[run.job] = self.app.run_worker(
            lambda: self._run(run, rank, work), group=run.job, exclusive=True, exit_on_error=False, thread=True
        )

    def cancel(self, job: str) -> None:
        run = self.running.get(job)
        if run is None or job not in self._workers:
            return
        run.stopped = True
        self._workers[job].cancel()
        if not run.begun:
            self._fail(run, "stopped", cancelled=True)

    def cancel_all(self, *but: str) -> None:
        for job in list(self.running):
            if job not in but:
                self.cancel(job)

    def give_part(self, run: Run, value: Any) -> None:
        """Called in a run's thread with what can be shown before it ends."""
        self.app.post_message(JobPart(run, value))

    def ended(self, run: Run) -> bool:
        """A message of its end came; False where another run of the same job took its place."""
        if self.running.get(run.job) is not run:
            return False
        del self.running[run.job]
        return True

    def _run(self, run: Run, rank: int, work: Callable[[Progress], Any]) -> None:
        run.begun = True
        worker = get_current_worker()
        reported, left = 0.0, TimeLeft()

        def progress(what: str, done: int, total: int) -> None:
            nonlocal reported
            if worker.is_cancelled:
                raise Cancelled("stopped")
            now = time.monotonic()
            goes_on = left.after(what, done, total, now) if total > 1 else ""
            if now - reported >= _SECONDS_BETWEEN_REPORTS:
                reported = now
                text = f"{what} {how_far(done, total)}{goes_on}" if total > 1 else what
                self.app.post_message(JobProgressed(run, text))

        try:
            with ranked(rank):
                value = work(progress)
        except NotStored:
            self._fail(run, "", not_stored=True)
        except Cancelled:
            self._fail(run, "stopped", cancelled=True)
        except IcldiagError as error:
            self._fail(run, str(error))
        except MemoryError:
            self._fail(run, "not enough memory; use a smaller model or fewer queries")
        except Exception as error:  # a bug of ours must not take the app down with it
            if cure := cure_of_import(error):
                self._fail(run, cure)
                return
            text = " ".join(str(error).split())[:200]
            path = write_crash(error, self.app.crash_facts())
            where = f" ({path} says where, without your texts)" if path else ""
            self._fail(run, f"unexpected {type(error).__name__}: {text}{where}")
        else:
            self.app.post_message(JobFinished(run, value))

    def _fail(self, run: Run, error: str, *, cancelled: bool = False, not_stored: bool = False) -> None:
        self.app.post_message(JobFailed(run, Failure(error, cancelled, not_stored)))
