"""Everything that happens in the app, in the past tense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from icldiag.analyses.request import Each, Request
    from icldiag.analyses.search.repair import Repair
    from icldiag.analyses.search.repairs import Repairs
    from icldiag.clients.write import ClientForm
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.tui.run import Failure, Run
    from icldiag.tui.state import State


@dataclass
class ResultWanted(Message):
    """A panel lacks an answer. A newer request of the same job cancels the older.

    `each` is told parts of the answer as they come, in the job's thread.
    """

    request: Request[Any]
    state: State
    each: Each | None = None


@dataclass
class CancelWanted(Message):
    """The user wants a job stopped."""

    job: str


class RoomChanged(Message):
    """A panel has another room than it was drawn for."""


class PanelDrawn(Message):
    """A panel was drawn; other keys may do something now."""


@dataclass
class BetaToggled(Message):
    """The user wants a trained beta in force in the whole session, or (None) out of it."""

    beta: Any


@dataclass
class PromptEdited(Message):
    """The user changes the prompt in place.

    `change` is made of the prompt as it is when the message arrives: of two keys that are typed ahead the second
    changes what the first one made. It may raise PromptError.
    """

    change: Callable[[Prompt], Prompt]


@dataclass
class PromptSaved(Message):
    """The prompt as it is was written to a file."""

    path: Path


@dataclass
class RepairApplied(Message):
    """The user applies a repair in place; `trial` and `tried` are what is known of it, see `Applied`."""

    repair: Repair
    trial: str = ""
    tried: Repairs | None = None


@dataclass
class RepairTakenOff(Message):
    """The user takes off the repair that was applied last."""


@dataclass
class ClientsWanted(Message):
    """A prompt is to be written for other programs."""

    made: Callable[[], Session]  # the session of that prompt; may raise IcldiagError
    form: ClientForm
    target: Path


@dataclass
class RepairWanted(Message):
    """Panel Repair is to search for what fixes a query, or (None) the prompt."""

    query: int | None


@dataclass
class EditUndone(Message):
    """The user wants the prompt as it was before the last change."""


@dataclass
class JobProgressed(Message):
    """A job says what it does and how far it is."""

    run: Run
    text: str


@dataclass
class JobFinished(Message):
    """A job's one frozen value."""

    run: Run
    value: Any


@dataclass
class JobFailed(Message):
    """A job ended without a value."""

    run: Run
    failure: Failure


@dataclass
class JobPart(Message):
    """A first part of what a job computes, which goes on."""

    run: Run
    value: Any


@dataclass
class QueryChosen(Message):
    """Another query was selected."""

    query: int


@dataclass
class QueryWanted(Message):
    """A panel wants another query selected."""

    query: int


@dataclass
class CellWanted(Message):
    """Only the queries of one gold label and one answer are to be listed, or (None) all again."""

    cell: tuple[int, int] | None


@dataclass
class CutChanged(Message):
    """Other layers are cut, or in another way."""
