"""The states that were answered last: who goes back to one has it at once, with all that was computed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icldiag.tui.state import AnsweredSession, State

if TYPE_CHECKING:
    from icldiag.prompt.schema import Prompt

_STATES = 3  # each holds what the model has at the targets in every layer


class Kept:
    """Of one model. A prompt whose file names a beta is not kept, since that file may have changed."""

    def __init__(self) -> None:
        self._states: list[AnsweredSession] = []  # the one that was left last at the end

    def put(self, state: State) -> None:
        """Keep a state that is left, if it is answered."""
        session, prediction = state.session, state.prediction
        if session is None or prediction is None or state.stored or session.prompt.beta is not None:
            return
        others = [one for one in self._states if one.session is not session]
        self._states = [*others, AnsweredSession(session, prediction, dict(state.results))][-_STATES:]

    def get(self, prompt: Prompt, beta: Any) -> AnsweredSession | None:
        """The answer to a prompt with a trained beta (or None) in force."""
        return next(
            (one for one in self._states if one.session.prompt == prompt and np.array_equal(one.trained_beta, beta)),
            None,
        )
