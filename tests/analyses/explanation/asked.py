"""A prompt asked from the beginning, to compare what the lab said of a changed one."""

from __future__ import annotations

from icldiag.model.readout import FloatArray
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session


def scores_of(prompt: Prompt, session: Session, text: str) -> FloatArray:
    """Label scores (C,) of one text."""
    found = Session(prompt.with_queries([Example(text, None)]), session.model).prediction()
    scores: FloatArray = found.scores[0]
    return scores
