"""A repaired prompt is saved as a prompt file, or as a file for another program, by the name that is typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from icldiag.errors import IcldiagError
from icldiag.tui.messages import ClientsWanted
from icldiag.tui.panels.base import Panel, there
from icldiag.tui.saving import save_as, write_present

if TYPE_CHECKING:
    from icldiag.analyses.repairs import Repairs, Trial
    from icldiag.clients.write import ClientForm
    from icldiag.session import Session

_FORMS: dict[str, ClientForm] = {".txt": "text", ".messages.json": "messages", ".json": "logit-bias"}
_QUESTION = "Save as .yaml; for other programs as .txt, .messages.json, or .json (requests with logit biases)"


def save(panel: Panel, session: Session | None, chosen: tuple[Repairs, Trial] | None) -> None:
    """Ask for a name, and save a repair under it; the prompt as it is where none is `chosen`.

    Args:
        session: on the prompt that the repair changes.
    """
    from icldiag.repair_output import repaired, write_repair

    state = panel.state

    def later(target: Path) -> bool:
        form = _form_of(target)
        if form is None:
            return False
        if (now := session or state.session) is None:
            raise IcldiagError("the answers are being computed, and such a file is made from them; try again then")
        made = (lambda: now) if chosen is None else partial(repaired, now, *chosen, form)
        panel.post_message(ClientsWanted(made, form, target))
        return True

    write: Callable[[Path], object] = partial(write_present, panel, state)
    if chosen is not None:
        write = partial(write_repair, there(session), chosen[1].repair)
    save_as(panel, f"{state.path.stem}-repaired.yaml", write, question=_QUESTION, later=later)


def _form_of(target: Path) -> ClientForm | None:
    """For which other programs a name is; None for icldiag."""
    return next((form for ending, form in _FORMS.items() if target.name.lower().endswith(ending)), None)
