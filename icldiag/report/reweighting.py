"""The section on anchor re-weighting."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from icldiag.analyses.reweighting import Reweighting
from icldiag.report.text import cell, notes, number, table
from icldiag.session import Session


def values(result: Reweighting) -> dict[str, Any]:
    """The section's JSON values; beta is (layer, head, demonstration)."""
    return {
        "beta": result.beta,
        "settings": asdict(result.settings),
        "examples": result.examples,
        "loss": result.loss,
        "stopped_early": result.stopped_early,
        "accuracy_before": result.before.accuracy,
        "accuracy_after": result.after.accuracy,
        "changed": result.changed,
        "probabilities": result.after.probabilities,
        "missing": result.before.missing,
    }


def markdown(result: Reweighting, session: Session) -> list[str]:
    """The section's lines: the loss, accuracy before and after, and the queries that changed."""
    labels, prompt = session.prompt.label_names, session.prompt
    before = result.before.predicted
    rows = []
    for query in result.changed:
        gold = prompt.queries[query].label
        rows.append(
            [
                cell(prompt.queries[query].text),
                "-" if gold is None else cell(labels[gold]),
                cell(labels[before[query]]),
                cell(labels[result.after.predicted[query]]),
            ]
        )
    lines = [
        "## Anchor re-weighting",
        "",
        f"Trained on {result.examples} examples for {len(result.loss)} epochs"
        f"{' (stopped early: no gain)' if result.stopped_early else ''}: mean loss {result.loss[0]:.3f} in the "
        f"first epoch, {result.loss[-1]:.3f} in the last. Accuracy on the queries {number(result.before.accuracy)} "
        f"before, {number(result.after.accuracy)} after; {len(result.changed)} answers changed.",
        "",
        *notes(result.before.missing),
    ]
    return lines + (table(["query", "gold", "before", "after"], rows) if rows else [])
