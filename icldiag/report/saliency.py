"""The section on saliency."""

from __future__ import annotations

from typing import Any

from icldiag.analyses.saliency import FLOWS, Saliency, reading
from icldiag.report.text import number, table
from icldiag.session import Session


def values(result: Saliency) -> dict[str, Any]:
    """The section's JSON values: shares per layer, and raw means beside them."""
    return {
        "loss_target": result.loss_target,
        **dict(zip(FLOWS, result.shares, strict=True)),
        "raw": dict(zip(FLOWS, result.raw, strict=True)),
        "queries": [
            {
                "loss": flow.loss,
                "loss_target": flow.loss_target,
                **dict(zip(FLOWS, flow.shares, strict=True)),
                "raw": dict(zip(FLOWS, flow.raw, strict=True)),
            }
            for flow in result.queries
        ],
    }


def markdown(result: Saliency, session: Session) -> list[str]:
    """The section's lines: the three flows' shares per layer."""
    against = {"gold": "the gold label", "predicted": "the predicted label (gold labels are unknown)"}
    target = against.get(result.loss_target, "the gold label, or the predicted one where gold is unknown")
    rows = [
        [str(layer), *(number(share) for share in result.shares[:, layer])] for layer in range(result.shares.shape[1])
    ]
    return [
        "## Information flow (saliency)",
        "",
        reading(result.shares, result.raw),
        "",
        f"Shares of the mean saliency over {len(result.queries)} queries, for the loss against {target}:",
        "",
        *table(["layer", "text -> label words", "label words -> target", "text -> text"], rows),
    ]
