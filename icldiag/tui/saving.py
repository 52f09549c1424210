"""A prompt is saved under a name that the user types; no file is written over, and no name typed in vain is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from textual.widget import Widget

from icldiag.errors import IcldiagError
from icldiag.files import check_destination, free_path, write_whole
from icldiag.prompt.write import as_its_ending_says, as_yaml
from icldiag.quoting import quoted_path
from icldiag.tui.ask import AskScreen, Refused
from icldiag.tui.messages import PromptSaved
from icldiag.tui.state import State
from icldiag.visible import visible


def write_present(panel: Widget, state: State, target: Path) -> None:
    """The prompt as it is now, whose file that is afterwards. Raises IcldiagError."""
    write_state(state, target)
    panel.post_message(PromptSaved(target))


def write_state(state: State, target: Path) -> None:
    """With a trained beta that is on beside it."""
    if state.prompt is None:
        return
    if state.session is None and state.beta is not None:  # its model is what the beta's file names
        raise IcldiagError("the re-weighting cannot be saved while the answers are computed; save again when they are")
    if state.session is None or state.beta is None:
        write_whole(as_its_ending_says(as_yaml(state.prompt), target), target)
        return
    from icldiag.analyses.search.repair import as_it_is
    from icldiag.repair_output import write_repair

    write_repair(state.session, as_it_is(state.prompt, state.beta), target)


def save_as(
    panel: Widget,
    name: str,
    write: Callable[[Path], object],
    *,
    question: str = "Save the prompt as",
    later: Callable[[Path], bool] = lambda target: False,
) -> None:
    """Ask where to, at first a free name in the working directory, and write there; ask on where that cannot be.

    Args:
        write: may raise IcldiagError.
        later: begins what is long, and says whether it did; by the name alone. May raise IcldiagError.
    """

    def take(text: str) -> Refused | None:
        target = Path.cwd() / typed_path(text)
        if not target.name:
            return Refused("That is a folder; type a name for the file.")
        if not target.suffix:
            target = target.with_suffix(".yaml")
        if os.path.lexists(target):  # not of a name that is too long: writing says so
            free = Path(text.strip()).with_suffix(target.suffix).with_name(free_path(target).name)
            return Refused(f"{quoted_path(target)} exists, and nothing is written over; this name is free.", str(free))
        try:
            check_destination(target)
            if later(target):
                return None
            write(target)
        except IcldiagError as error:
            return Refused(f"{error}.")
        panel.notify(f"Saved: {visible(str(target))}", markup=False)
        return None

    panel.app.push_screen(AskScreen(question, free_path(Path.cwd() / name).name, "a name for the file", take))


def typed_path(text: str) -> Path:
    """With `~` as the user's folder."""
    return Path(os.path.expanduser(text.strip()))  # noqa: PTH111  # Path's raises for an unknown user
