"""The section on repairs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from icldiag.analyses.repairs import Effect, Repairs, Trial, finding, verdict
from icldiag.report.text import cell, number, prose, table
from icldiag.session import Session

LISTED = 10  # in Markdown; JSON has all


def values(result: Repairs) -> dict[str, Any]:
    """The section's JSON values, the best repair first."""
    return {
        "finding": finding(result),
        "query": result.query,
        "budget": result.budget,
        "seed": result.seed,
        "winner": result.winner,
        "holds": result.holds,
        "confirmed": None if result.confirmed is None else _effect(result.confirmed),
        "parts": {
            "fitting": [example.text for example in result.fitting],
            "selection": [example.text for example in result.selection],
            "confirmation": [example.text for example in result.confirmation],
            "with_queries": result.with_queries,
        },
        "tokens_before": result.tokens_before,
        "repairs": [_trial(result, trial) for trial in result.trials],
        "left_out": result.left_out,
    }


def _trial(result: Repairs, trial: Trial) -> dict[str, Any]:
    repair = trial.repair
    calibration = repair.calibration
    return {
        "name": repair.name,
        "family": repair.family,
        "selection": _effect(trial.selection),
        "queries": _effect(trial.queries),
        "verdict": verdict(result, trial, result.query),
        "predicted": trial.predicted,
        "tokens": trial.tokens,
        "needs": repair.needs,
        "calibration": calibration and asdict(calibration),
        "demonstrations": [{"text": example.text, "label": example.label} for example in repair.demonstrations],
        "words": [label.word for label in repair.labels],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "count": effect.count,
        "right_before": effect.right_before,
        "right_after": effect.right_after,
        "mended": effect.mended,
        "broken": effect.broken,
        "p_value": effect.p_value,
        "likelihood_gain": effect.likelihood_gain,
    }


def markdown(result: Repairs, session: Session) -> list[str]:
    """The section's lines: the finding, the best repairs, and what the winner does to the queries."""
    rows = []
    for trial in result.trials[:LISTED]:
        effect, queries = trial.selection, trial.queries
        rows.append(
            [
                cell(trial.repair.name),
                f"{effect.net:+}",
                f"{len(effect.mended)} / {len(effect.broken)}",
                number(effect.p_value),
                f"{len(queries.mended)} / {len(queries.broken)}",
                f"{trial.tokens - result.tokens_before:+}",
                trial.repair.needs,
            ]
        )
    header = ["repair", "net gain", "mended / broken", "McNemar p", "queries mended / broken", "tokens", "needs"]
    lines = ["## Repairs", "", prose(finding(result)), "", *table(header, rows)]
    best = result.best
    if best is not None:
        for word, places in (("mends", best.queries.mended), ("breaks", best.queries.broken)):
            if places:
                texts = "; ".join(prose(session.prompt.queries[place].text) for place in places)
                lines += [f"Of the queries the best {word}: {texts}.", ""]
    lines += [f"- left out: {prose(reason)}" for reason in result.left_out]
    return [*lines, ""] if result.left_out else lines
