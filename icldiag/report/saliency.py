"""The section on saliency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from icldiag.analyses.saliency import FLOWS, QueryFlow, Saliency, reading
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress
from icldiag.report.settings import ReportSettings
from icldiag.report.text import notes, number, table
from icldiag.session import Session


@dataclass(frozen=True)
class Flows:
    """The saliency of all queries, and the layers whose token view is told."""

    saliency: Saliency
    heads: str
    token_layers: tuple[int, ...]
    tokens: tuple[tuple[str, ...], ...]  # per query, the whole prompt's tokens; empty where no token view is told


def compute(session: Session, settings: ReportSettings, progress: Progress) -> Flows:
    """Every query's saliency. Raises AnalysisError for a layer that is not there."""
    wrong = [layer for layer in settings.token_layers if layer >= session.model.n_layers]
    if wrong:
        raise AnalysisError(f"there is no layer {wrong[0]}; the model has layers 0 to {session.model.n_layers - 1}")
    found = session.saliency(settings.loss_target, progress, heads=settings.heads)
    texts = tuple(_token_texts(session, flow.query) for flow in found.queries) if settings.token_layers else ()
    return Flows(found, settings.heads, settings.token_layers, texts)


def _token_texts(session: Session, query: int) -> tuple[str, ...]:
    ids = (*session.encoded.prefix, *session.encoded.queries[query].ids)
    decode = session.model.tokenizer.decode
    return tuple(str(decode([token], clean_up_tokenization_spaces=False)) for token in ids)


def values(result: Flows) -> dict[str, Any]:
    """The section's JSON values: shares per layer, and raw means beside them."""
    found = result.saliency
    return {
        "loss_target": found.loss_target,
        "heads": result.heads,
        **dict(zip(FLOWS, found.shares, strict=True)),
        "raw": dict(zip(FLOWS, found.raw, strict=True)),
        "queries": [
            {
                "loss": flow.loss,
                "loss_target": flow.loss_target,
                **dict(zip(FLOWS, flow.shares, strict=True)),
                "raw": dict(zip(FLOWS, flow.raw, strict=True)),
                **_token_view(result, flow, index),
            }
            for index, flow in enumerate(found.queries)
        ],
        "missing": found.missing,
    }


def _token_view(result: Flows, flow: QueryFlow, index: int) -> dict[str, Any]:
    """How much each token flows into the target and into each demonstration's label word, in the chosen layers."""
    if not result.token_layers:
        return {}
    return {
        "tokens": result.tokens[index],
        "token_view": [
            {"layer": layer, "into_target": flow.into_target[layer], "into_labels": flow.into_labels[layer]}
            for layer in result.token_layers
        ],
    }


def markdown(result: Flows, session: Session) -> list[str]:
    """The section's lines: the three flows' shares per layer."""
    found = result.saliency
    against = {"gold": "the gold label", "predicted": "the predicted label"}
    target = against.get(found.loss_target, "the gold label, or the predicted one where gold is unknown")
    rows = [
        [str(layer), *(number(share) for share in found.shares[:, layer])] for layer in range(found.shares.shape[1])
    ]
    return [
        "## Information flow (saliency)",
        "",
        reading(found.shares, found.raw),
        "",
        f"Shares of the mean saliency over {len(found.queries)} queries, for the loss against {target}:",
        "",
        *table(["layer", "text -> label words", "label words -> target", "text -> text"], rows),
        *notes(found.missing),
    ]
