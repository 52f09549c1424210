"""Keeps the session on disk while the app is open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from icldiag.session_file import SavedSession, SessionFile, prune
from icldiag.tui.desk import Desk
from icldiag.tui.saved import saved_session
from icldiag.visible import visible

SECONDS = 1.0  # between two looks at whether something has changed
_LONGEST_WAIT = 2.0  # for a write that is under way, when the process is told to end


@dataclass(frozen=True)
class Resumption:
    """What was saved, and where the session goes on being saved."""

    session: SavedSession
    file: SessionFile


class Autosave:
    """Writes the session when it has changed; a folder that cannot be written to is told once and disturbs nothing.

    Args:
        file: None makes one when there is something to write.
        caught: told what an error of ours raised in the thread that writes.
    """

    def __init__(self, desk: Desk, file: SessionFile | None, caught: Callable[[str, Exception], object]) -> None:
        self.desk, self.file, self._caught = desk, file, caught
        self._written: SavedSession | None = None
        self.failure: str | None = None  # why what was to be written last is not on disk
        self._closed = self._pruned = False
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="session")  # a slow disk must not delay keys

    def look(self) -> None:
        """Write in the background what has changed since the last look."""
        session = None if self._closed else saved_session(self.desk)
        if session is not None and session != self._written:
            self._written = session
            self._writer.submit(self._write, session)

    def save(self) -> bool:
        """Write now, whatever the state; called when the process is about to end. Whether the session is on disk."""
        session = saved_session(self.desk)
        if session is None:
            return False
        taken = self._lock.acquire(timeout=_LONGEST_WAIT)
        try:
            self._written = session
            return self._write_file(session) is None
        finally:
            if taken:
                self._lock.release()

    @property
    def on_disk(self) -> str | None:
        """The session's id, if it is on disk."""
        return self.file.id if self.file is not None and self.file.path.exists() else None

    def close(self) -> None:
        """Save, and let another instance resume."""
        self._closed = True
        self._writer.shutdown()
        self.save()
        if self.file is not None:
            self.file.close()

    def _write(self, session: SavedSession) -> None:
        error, before = None, self.failure
        try:
            with self._lock:
                error = self._write_file(session) if session is self._written else None
        except Exception as unforeseen:  # in this thread it would be heard of by nobody
            self._caught("saving the session", unforeseen)
        if error is not None and before is None:
            text = f"The session cannot be saved: {visible(error)}. Make room; until then a changed prompt is kept "
            self.desk.screen.tell(text + "only where you save it, with w in panel Prompt.", severity="warning")

    def _write_file(self, session: SavedSession) -> str | None:
        """Write, and return the reason where that fails."""
        try:
            if self.file is None:
                self.file = SessionFile.new(session.prompt_file.stem)
            if not self._pruned:
                self._pruned = True
                prune(self.file.folder)
            self.file.write(session)
        except OSError as error:
            self.failure = error.strerror or str(error)
        else:
            self.failure = None
        return self.failure
