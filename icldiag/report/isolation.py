"""The section on isolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from icldiag.analyses.isolation import CUT_NAMES, CUTS, Cut, Isolation, Setting
from icldiag.model.readout import Progress
from icldiag.report.settings import ReportSettings
from icldiag.report.text import notes, number, table
from icldiag.session import Session


@dataclass(frozen=True)
class Isolations:
    """A sweep for each kind of cut, and the sets of layers that were asked for besides."""

    sweeps: tuple[Isolation, ...]
    chosen: tuple[Setting, ...]


def compute(session: Session, settings: ReportSettings, progress: Progress) -> Isolations:
    """All kinds of cuts, in the first n, the last n and the chosen sets of layers."""
    seed, top = settings.random_words_seed, settings.top
    renormalise = settings.renormalise
    cuts = [Cut.of(kind, layers, seed, renormalise) for layers in settings.isolate for kind in CUTS]
    return Isolations(
        tuple(session.isolation(kind, seed=seed, renormalise=renormalise, top=top, progress=progress) for kind in CUTS),
        tuple(session.isolate(cut, top=top, progress=progress) for cut in cuts),
    )


def values(result: Isolations) -> dict[str, Any]:
    """The section's JSON values: every setting of every sweep, then the chosen ones."""
    swept = [setting for sweep in result.sweeps for setting in sweep.settings]
    return {
        "top": result.sweeps[0].top,
        "renormalised": result.sweeps[0].settings[0].cut.renormalise,
        "before": result.sweeps[0].before.probabilities,
        "settings": [_setting(setting) for setting in (*swept, *result.chosen)],
        "missing": result.sweeps[0].before.missing,
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


def markdown(result: Isolations, session: Session) -> list[str]:
    """The section's lines: loyalties of first-n and last-n cuts, a table per kind of cut."""
    lines = ["## Isolation", ""]
    for sweep in result.sweeps:
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
            f"Cut {CUT_NAMES[sweep.kind]} in the first n or the last n layers (word loyalty over top {sweep.top}):",
            "",
        ]
        side = ["label loyalty", "word loyalty", "accuracy"]
        lines += table(["n", *(f"first n: {name}" for name in side), *(f"last n: {name}" for name in side)], rows)
    if result.chosen:
        rows = [
            [
                CUT_NAMES[setting.cut.kind],
                ", ".join(map(str, setting.cut.layers)),
                number(setting.answers.label_loyalty),
                number(setting.answers.word_loyalty),
                number(setting.answers.accuracy),
            ]
            for setting in result.chosen
        ]
        lines += ["Cut in the chosen layers:", ""]
        lines += table(["cut", "layers", "label loyalty", "word loyalty", "accuracy"], rows)
    return lines + notes(result.sweeps[0].before.missing)
