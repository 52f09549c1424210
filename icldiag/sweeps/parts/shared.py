"""Words and numbers that several parts show alike. Accuracies and loyalties are in percent, as in the paper."""

from __future__ import annotations

import re

from icldiag.report.blocks import Cell

Row = tuple[Cell, ...]

OVER_SEEDS = "mean ± standard deviation over seeds"
LOYALTIES = {"label_loyalty": "label loyalty", "word_loyalty": "word loyalty", "accuracy": "accuracy"}


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def file_name(*words: str) -> str:
    """Words as a part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", "-".join(words)).strip("-.") or "unnamed"
