"""Keeps the session on disk while the app is open, and brings a kept one back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from textual.widgets import Input

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.render.tokens import DETAILS
from icldiag.session_file import SavedSession, SavedState, SessionFile, prune
from icldiag.tui.panels import reweighting
from icldiag.tui.panels.base import Panel
from icldiag.tui.state import State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.tui.app import DiagnosisApp

SECONDS = 1.0  # between two looks at whether something has changed
_LONGEST_WAIT = 2.0  # for a write that is under way, when the process is told to end


@dataclass(frozen=True)
class Resumption:
    """What was saved, and where the session goes on being saved."""

    session: SavedSession
    file: SessionFile


class Autosave:
    """Writes the session when it has changed; a folder that cannot be written to is told once and disturbs nothing."""

    def __init__(self, app: DiagnosisApp, file: SessionFile | None) -> None:
        self.app, self.file = app, file
        self._written: SavedSession | None = None
        self._failed = self._closed = self._pruned = False
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="session")  # a slow disk must not delay keys

    # ---- writing ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Write in the background what has changed since the last look."""
        session = None if self._closed else self.session()
        if session is not None and session != self._written:
            self._written = session
            self._writer.submit(self._write, session)

    def save(self) -> bool:
        """Write now, whatever the state; called when the process is about to end. Whether the session is on disk."""
        session = self.session()
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
        error = None
        try:
            with self._lock:
                error = self._write_file(session) if session is self._written else None
        except Exception as unforeseen:  # in this thread it would be heard of by nobody
            self.app.call_later(self.app.caught, "saving the session", unforeseen)
        if error is not None and not self._failed:
            self._failed = True
            text = f"The session cannot be saved: {visible(error)}. Everything else goes on."
            # Not `call_from_thread`, which waits for the event loop: that may wait for this thread, to leave.
            self.app.call_later(self.app.notify, text, severity="warning", markup=False)

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
            return str(error)
        self._failed = False
        return None

    # ---- what is kept -----------------------------------------------------------------------------------------------

    def session(self) -> SavedSession | None:
        """What would be written now; None while there is nothing to keep."""
        app = self.app
        now = saved_state(app.state)
        box = next(iter(app.query("#filter").results(Input)), None)
        if now is None or box is None:  # before the first paint, or after the last
            return None
        pinned = app.work.unpinned if app.state.pinned is None else saved_state(app.state.pinned)
        return SavedSession(
            prompt_file=app.state.path.absolute(),
            model=app.work.settings,
            panel=str(app.panel.id),
            views={str(panel.id): views for panel in self._panels() if (views := panel.views())},
            filter=box.value,
            now=now,
            pinned=pinned,
        )

    def _panels(self) -> list[Panel]:
        return list(self.app.query("#panels Panel").results(Panel))

    # ---- bringing back ----------------------------------------------------------------------------------------------

    def restore(self, saved: SavedSession) -> None:
        """The prompt and all that was chosen, at once; beta and the pinned state follow when the model is there."""
        app, state = self.app, self.app.state
        put_back(state, saved.now)
        app.work.unpinned = saved.pinned
        app.call_after_refresh(self._restore_views, saved)  # when the panels have set themselves up
        self._warn_of_changed_file()

    def _restore_views(self, saved: SavedSession) -> None:
        if not all(panel.is_mounted for panel in self._panels()):
            self.app.call_after_refresh(self._restore_views, saved)
            return
        for panel in self._panels():
            views = saved.views.get(str(panel.id), {})
            panel.restore({name: value for name, value in views.items() if name != "detail" or value in DETAILS})
        if saved.filter:
            box = self.app.query_one("#filter", Input)
            box.value, box.display = saved.filter, True
        self.app.show_panel()

    def _warn_of_changed_file(self) -> None:
        try:
            changed = read_prompt(self.app.state.path).hash != self.app.state.of_file
            text = "The prompt file has changed since. This is the prompt as it was; r reads the file again."
        except PromptError as error:
            changed, text = True, f"{visible(str(error))}. This is the prompt as it was when the session was saved."
        if changed:
            self.app.notify(text, severity="warning", markup=False, timeout=10)


def saved_state(state: State) -> SavedState | None:
    """What of a state is kept; None without a prompt."""
    if state.prompt is None:
        return None
    found = state.results.get(reweighting.request()) if state.beta_on else None
    beta = asdict(found.settings) if found is not None else state.beta_wanted
    return SavedState(
        prompt=state.prompt,
        of_file=state.of_file,
        undo=tuple(state.undo),
        query=state.query,
        cut_kind=state.cut_kind,
        cut_layers=tuple(sorted(state.cut_layers)),
        beta=beta,
    )


def put_back(state: State, saved: SavedState) -> None:
    """A state as it was kept, as far as that needs no model."""
    state.become(saved.prompt, query=saved.query)
    state.undo, state.query_chosen = list(saved.undo), True
    state.of_file = saved.of_file or (saved.undo[0] if saved.undo else saved.prompt).hash
    state.cut_kind, state.cut_layers = saved.cut_kind, frozenset(saved.cut_layers)
    state.beta_wanted = saved.beta
