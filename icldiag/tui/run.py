"""One run of a job: what it computes, for whom, and how it failed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icldiag.session import Session
    from icldiag.tui.state import State


@dataclass(eq=False)
class Run:
    """Its messages are of no interest once another took its place."""

    job: str
    key: Hashable
    state: State | None = field(default=None, repr=False)  # that lacks the result
    session: Session | None = field(default=None, repr=False)  # that computes it; a state with another does not want it
    begun: bool = False  # its thread runs, and will say how it ended
    stopped: bool = False
    dismissed: bool = False  # by the user from the list of jobs: not to be asked for again by itself


@dataclass(frozen=True)
class Failure:
    """In one sentence, why a run has no value.

    `cancelled` if the user or a newer job stopped it; `not_stored` if it has to wait for the model.
    """

    error: str
    cancelled: bool = False
    not_stored: bool = False
