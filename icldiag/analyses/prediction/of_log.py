"""Whose the answers are, where the prompt came from a log that has others."""

from __future__ import annotations

from icldiag.analyses.prediction.compute import Prediction
from icldiag.prompt.schema import Prompt


def of_log(prompt: Prompt, found: Prediction | None) -> str | None:
    """That they are not the log's, and how many differ where they are known; None where there is no log."""
    ids = [query.id for query in prompt.queries]
    predicted = None if found is None else found.predicted.tolist()
    return None if prompt.logged is None else prompt.logged.beside(ids, prompt.label_names, predicted)
