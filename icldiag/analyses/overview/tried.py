"""What changes that were tried on labelled texts say of the prompt, in sentences. Label words are users' text."""

from __future__ import annotations

from icldiag.analyses.effect import SIGNIFICANT
from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.search.reading import signed
from icldiag.analyses.search.repairs import Repairs
from icldiag.analyses.search.trials import Trial
from icldiag.counting import counted


def unlike_names(found: Overview) -> str:
    """That a label word is no part of its label's name, where words from the names surely answer more texts right."""
    trial = None if found.repairs is None else found.repairs.named
    if trial is None or found.verdict.kind == "right":
        return ""
    effect = trial.selection
    if min(effect.net, effect.balanced_gain) <= 0 or effect.p_value >= SIGNIFICANT:
        return ""
    return f"Not every label word is part of its label's name: {_with_names(trial)}."


def _with_names(trial: Trial) -> str:
    effect = trial.selection
    right = f"{effect.right_after} of {counted(effect.count, 'labelled text')} are right"
    return f"with {trial.repair.name} {right}, {effect.right_before} as it is"


def names_line(repairs: Repairs) -> str:
    """What words from the labels' names do, where label words are no part of these."""
    trial = repairs.named
    if trial is None:
        return ""
    chance = "unlikely to be chance" if trial.selection.p_value < SIGNIFICANT else "may be chance"
    return f"not all are part of their labels' names; {_with_names(trial)} ({chance})."


def calibration_line(repairs: Repairs) -> str:
    """As in the table of panel Repair."""
    if not repairs.trials:
        return ""
    compared = repairs.trials[0].selection
    gains = ", ".join(f"{trial.repair.name.split()[0]} {signed(trial.selection.net)}" for trial in repairs.calibrations)
    return (
        f"{_counts(repairs)}, {compared.right_before} are right; texts gained by calibrations, none of them fitted on "
        f"the text that it answers: {gains}."
    )


def _counts(repairs: Repairs) -> str:
    """Which labelled texts calibrations are compared on, and why not all."""
    n, fitting, every = len(repairs.selection), len(repairs.fitting), len(repairs.confirmation)
    rest = every - fitting - n
    where = "'examples' and 'queries'" if repairs.with_queries else "'examples'"
    apart = [f"{fitting} to make changes from"] if fitting else []
    apart += [f"{rest} more to confirm a choice on"] if rest else []
    with_queries = (
        " with 'queries'," if any(label is not None for label in repairs.gold) and not repairs.with_queries else ""
    )
    kept = f" ({every}{with_queries} without repeats, less {' and '.join(apart)})" if apart else ""
    return f"of the {n} labelled texts of {where} to compare on{kept}"
