"""The section on explanations: why each wrong query failed, and what confirms it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from icldiag.analyses.explanation import Explanation, findings, of_cause, reading
from icldiag.analyses.explanation.contest import Counterfactual
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress, step_of
from icldiag.report.settings import ReportSettings
from icldiag.report.text import cell, prose, table
from icldiag.session import Session

MOST = 20  # wrong queries that are explained, the most confident first


def compute(session: Session, settings: ReportSettings, progress: Progress) -> list[Explanation]:
    """An explanation of every wrong query, up to `MOST`; of the first query where none is known to be wrong."""
    prediction = session.prediction(progress)
    chosen: Sequence[int] = prediction.wrong[:MOST] or [0]
    if session.beta is not None:
        raise AnalysisError("an answer is explained without anchor re-weighting; leave out --beta")
    return [
        session.explanation(query, progress=step_of(progress, "explanation", done, len(chosen)))
        for done, query in enumerate(chosen)
    ]


def values(result: list[Explanation]) -> dict[str, Any]:
    """The section's JSON values; leads are in nats, positions of demonstrations count from 0."""
    return {"queries": [_values(found) for found in result]}


def _values(found: Explanation) -> dict[str, Any]:
    contest, labels = found.contest, found.labels
    return {
        "query": contest.query,
        "answer": labels[contest.answer],
        "rival": labels[contest.rival],
        "wrong": contest.wrong,
        "lead": contest.lead,
        "reading": reading(found),
        "causes": [
            {
                "kind": cause.kind,
                "supported": cause.supported,
                "support": cause.support,
                "demonstration": cause.demonstration,
                "confirmed_by": _run(found, cause.confirmed_by),
            }
            for cause in found.causes
        ],
        "evidence": {
            "classes": {
                "layers": found.classes.layers,
                "distance": found.classes.distance,
                "distance_rank": found.classes.distance_rank,
                "pairs": found.classes.distances,
                "cosine": found.classes.cosine,
                "auc": found.classes.auc,
                "auc_rank": found.classes.auc_rank,
                "removed": _run(found, found.classes.removed),
            },
            "prior": {
                "counts": found.prior.counts,
                "sources": [
                    {
                        "kind": source.kind,
                        "texts": source.texts,
                        "probabilities": source.probabilities,
                        "lean": source.lean,
                        "divided": _run(found, source.divided),
                    }
                    for source in found.prior.sources
                ],
                "balanced": [_run(found, run) for run in found.prior.balanced],
            },
            "demonstrations": [
                {
                    "index": effect.index,
                    "label": labels[effect.label],
                    "hidden": _run(found, effect.hidden),
                    "removed": _run(found, effect.removed),
                    "percentile": effect.percentile,
                    "called": None if effect.called is None else labels[effect.called],
                }
                for effect in found.demonstrations
            ],
            "auc_without_suspect": found.auc_without_suspect,
            "order": {
                "turned": found.order.turned,
                "percentile": found.order.percentile,
                "lean_in_other_orders": found.order.lean,
                "last": labels[found.order.last],
                "runs": [_run(found, run) for run in found.order.runs],
            },
            "aggregation": {
                "layers": found.aggregation.layers,
                "flow": found.aggregation.flow
                and {labels[label]: value for label, value in found.aggregation.flow.items()},
                "isolated": {labels[label]: _run(found, run) for label, run in found.aggregation.isolated.items()},
                "doubled": _run(found, found.aggregation.doubled),
            },
            "depth": {
                "lens": found.depth.lens,
                "leads": found.depth.leads,
                "decided_after_layers": found.depth.decided,
                "head_estimates": found.depth.estimates,
                "heads": [
                    {
                        "layer": head.layer,
                        "head": head.head,
                        "estimate": head.estimate,
                        "ablated": _run(found, head.ablated),
                    }
                    for head in found.depth.heads
                ],
            },
        },
        "runs": found.runs,
        "seed": found.seed,
        "missing": found.missing,
    }


def _run(found: Explanation, run: Counterfactual | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "change": run.change,
        "answer": found.labels[run.answer],
        "lead": run.lead,
        "probability_of_rival": run.probability,
        "turned": run.turned,
    }


def markdown(result: list[Explanation], session: Session) -> list[str]:
    """The section's lines: per query the answer, the named cause, further ones, and the evidence as a table."""
    prediction = session.prediction()
    lines = ["## Why", ""]
    if not prediction.wrong:
        known = "No labelled query is wrong" if prediction.labelled else "No query has a gold label"
        lines += [f"{known}; this is what the answer to the first query hangs on.", ""]
    elif len(prediction.wrong) > len(result):
        lines += [f"The {len(result)} most confident of {len(prediction.wrong)} wrong queries.", ""]
    for found in result:
        answer, rival = found.labels[found.contest.answer], found.labels[found.contest.rival]
        verdict = f"{answer}, not {rival}" if found.contest.wrong else f"{answer}, before {rival}"
        lines += [f"### {prose(prediction.texts[found.contest.query])}", ""]
        lines += [f"{prose(verdict)}. {prose(reading(found))}", ""]
        lines += [f"- {prose(of_cause(cause, found))}" for cause in found.causes[1:]]
        lines += [""] if len(found.causes) > 1 else []
        rows = [[row.name, cell(row.number), cell(row.scale), prose(row.sentence)] for row in findings(found)]
        lines += table(["evidence", "number", "among", "reading"], rows)
        lines += [f"- {prose(text)}" for text in found.missing] + ([""] if found.missing else [])
    return lines
