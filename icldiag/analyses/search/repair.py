"""A repair: what would be changed in a prompt, as a value that can be kept and applied."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.prompt.adjustments import Calibration, SavedBeta
from icldiag.prompt.edit import as_chat
from icldiag.prompt.fields import Scoring
from icldiag.prompt.retrieval import Retrieval
from icldiag.prompt.schema import Example, Label, Prompt

Family = Literal[
    "calibration",
    "order",
    "drop",
    "replace",
    "show",
    "retrieval",
    "chat",
    "word",
    "names",
    "scoring",
    "re-weighting",
    "combination",
]


@dataclass(frozen=True, eq=False)
class Repair:
    """The parts of a prompt that repairs change, as they are after this one."""

    family: Family
    name: str  # a phrase; holds texts of the user
    demonstrations: tuple[Example, ...]
    labels: tuple[Label, ...]
    calibration: Calibration | None = None
    beta: NDArray[np.float32] | None = None  # (L, H, demonstrations)
    retrieval: Retrieval | None = None
    chat: bool = False
    scoring: Scoring | None = None  # of label words, where it is another one
    short: str = ""  # the change of the prompt alone, what tells it from others first; "" without one

    def apply(self, prompt: Prompt, beta: SavedBeta | None = None) -> Prompt:
        """The repaired prompt; `beta` is where this repair's beta was saved, for one that has a beta."""
        written = as_chat(prompt) if self.chat and not prompt.chat else prompt
        return replace(
            written,
            demonstrations=self.demonstrations,
            labels=self.labels,
            retrieval=self.retrieval,
            calibration=self.calibration,
            scoring=self.scoring or prompt.scoring,
            beta=beta if self.beta is not None else None,
        )

    @property
    def text(self) -> Hashable:
        """What the model reads, and how: the same for all calibrations on top of it."""
        return (
            self.demonstrations,
            self.labels,
            self.retrieval,
            self.chat,
            self.scoring,
            None if self.beta is None else self.beta.tobytes(),
        )

    @property
    def needs(self) -> str:
        """What must be at hand wherever the repaired prompt is used."""
        if self.beta is not None:
            return "a runtime that can scale attention"
        near = self.retrieval is not None or (self.calibration is not None and self.calibration.asks_neighbours)
        needs = ["the examples"] if near else []
        needs += ["the label probabilities"] if self.calibration is not None else []
        return " and ".join(needs) or "nothing"


def as_it_is(prompt: Prompt, beta: NDArray[np.float32] | None) -> Repair:
    """The change that changes nothing: what all others are compared with."""
    return replace(change("combination", "as it is", prompt), calibration=prompt.calibration, beta=beta, short="")


def change(family: Family, name: str, prompt: Prompt, short: str = "") -> Repair:
    """A changed prompt text. What was calibrated or trained for the old text does not go with it."""
    of_text = (prompt.demonstrations, prompt.labels)
    return Repair(family, name, *of_text, retrieval=prompt.retrieval, chat=prompt.chat, short=short or name)
