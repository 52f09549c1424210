"""The desk as a session on disk, and back."""

from __future__ import annotations

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt
from icldiag.session_file import SavedSession
from icldiag.tui.desk import Desk
from icldiag.tui.other_model import OtherModel
from icldiag.tui.screen import Choices
from icldiag.visible import visible


def saved_session(desk: Desk) -> SavedSession | None:
    """The session as it is now; None while there is nothing to keep."""
    state, other = desk.state, desk.other
    now, choices = state.to_saved(), desk.screen.choices()
    if now is None or choices is None:
        return None
    pinned = desk.unpinned if state.pinned is None else state.pinned.to_saved()
    return SavedSession(
        prompt_file=state.path.absolute(),
        model=desk.settings,
        against=None if other is None else other.settings,
        beside=other is None or other.beside,
        panel=choices.panel,
        views={panel: dict(views) for panel, views in choices.views.items() if views},
        filter=choices.filter,
        now=now,
        pinned=None if other is not None else pinned,
    )


def restore(desk: Desk, saved: SavedSession) -> None:
    """The prompt and all that was chosen, at once; beta and the pinned state follow when the model is there."""
    state, screen = desk.state, desk.screen
    state.restore(saved.now)
    desk.unpinned = saved.pinned
    if saved.against is not None:
        desk.other = OtherModel(state, screen, desk.jobs, saved.against, saved.beside)
    screen.choose(Choices(saved.panel, saved.views, saved.filter))
    try:
        changed = read_prompt(state.path).hash != state.of_file
        text = "The prompt file has changed since. This is the prompt as it was; r reads the file again."
    except PromptError as error:
        changed, text = True, f"{visible(str(error))}. This is the prompt as it was when the session was saved."
    if changed:
        screen.tell(text, severity="warning", seconds=10)
    screen.show("all")
