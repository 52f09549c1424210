"""The section on isolation."""

from __future__ import annotations

from typing import Any

from icldiag.analyses.isolation import Isolation, Setting
from icldiag.report.text import number, table
from icldiag.session import Session

NAMES = {
    "text_to_label": "text -> label words",
    "label_to_target": "label words -> target",
    "random_words": "text -> random words",
}


def values(result: tuple[Isolation, ...]) -> dict[str, Any]:
    """The section's JSON values: every setting of every sweep."""
    return {
        "top": result[0].top,
        "before": result[0].before.probabilities,
        "settings": [_setting(setting) for sweep in result for setting in sweep.settings],
    }


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "cut": setting.cut.kind,
        "layers": setting.cut.layers,
        "seed": setting.cut.seed if setting.cut.kind == "random_words" else None,
        "label_loyalty": setting.answers.label_loyalty,
        "word_loyalty": setting.answers.word_loyalty,
        "accuracy": setting.answers.accuracy,
        "flipped": setting.answers.flipped,
        "probabilities": setting.answers.probabilities,
    }


def markdown(result: tuple[Isolation, ...], session: Session) -> list[str]:
    """The section's lines: loyalties of first-n and last-n cuts, a table per kind of cut."""
    lines = ["## Isolation", ""]
    for sweep in result:
        rows = [
            [
                str(n),
                *(
                    number(value)
                    for setting in (first, last)
                    for value in (setting.answers.label_loyalty, setting.answers.word_loyalty, setting.answers.accuracy)
                ),
            ]
            for n, (first, last) in enumerate(zip(sweep.first, sweep.last, strict=True), start=1)
        ]
        lines += [
            f"Cut {NAMES[sweep.kind]} in the first n or the last n layers (word loyalty over top {sweep.top}):",
            "",
        ]
        side = ["label loyalty", "word loyalty", "accuracy"]
        lines += table(["n", *(f"first n: {name}" for name in side), *(f"last n: {name}" for name in side)], rows)
    return lines
