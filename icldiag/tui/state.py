"""What the app knows at a moment; panels read it and never change it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icldiag.render.look import DARK, Look

if TYPE_CHECKING:
    from icldiag.analyses.isolation.cuts import CutKind
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.tui.normal import TakenOff


@dataclass(eq=False)
class State:
    """One prompt on one model, as far as they have come."""

    path: Path
    look: Look = DARK
    prompt: Prompt | None = None
    prompt_error: str | None = None  # the prompt file is wrong: nothing can be shown but this
    model_error: str | None = None  # the model is wrong: the prompt can still be read
    session: Session | None = None
    stored: bool = False  # the session is one without its model, which is loading: only earlier results can be shown
    prediction: Prediction | None = None
    query: int = 0
    query_chosen: bool = False  # by the user, or by the session that is resumed: not to be replaced by a telling one
    doing: dict[str, str] = field(default_factory=dict)  # what is being computed, by job
    results: dict[Hashable, Any] = field(default_factory=dict)
    failures: dict[Hashable, str] = field(default_factory=dict)
    beta_on: bool = False  # a trained anchor re-weighting is in force
    beta_wanted: dict[str, Any] | None = None  # how the one was trained that a resumed session will put in force
    cut_layers: frozenset[int] = frozenset()  # what panel Isolate cuts, and how
    cut_kind: CutKind = "text_to_label"
    taken_off: TakenOff | None = None  # by key 0, which puts it back
    pinned: State | None = None  # set aside to compare with
    undo: list[Prompt] = field(default_factory=list)  # what the prompt was before each change made in place

    def forget_results(self) -> None:
        self.prediction = None
        self.results.clear()
        self.failures.clear()
