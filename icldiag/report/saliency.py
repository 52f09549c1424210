"""The section on saliency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from icldiag.analyses.saliency import FLOWS, HeadSum, QueryFlow, Saliency
from icldiag.analyses.saliency import reading as reading_of_flows
from icldiag.indices import layer_index
from icldiag.model.readout import FloatArray, Progress
from icldiag.report.blocks import Block, Figure, Paragraph, Table, Tokens, notes
from icldiag.report.figures import curves
from icldiag.report.section import Fields, Section, SectionFields
from icldiag.report.settings import ReportSettings
from icldiag.report.text import counted

if TYPE_CHECKING:
    from icldiag.session import Session

FLOW_NAMES = ("text -> label words", "label words -> target", "text -> text")
PerLayer = list[float | None]


class RawFields(Fields):
    text_to_label: PerLayer
    label_to_target: PerLayer
    text_to_text: PerLayer


class TokenViewFields(Fields):
    layer: int
    into_target: list[float] = Field(description="From each token of the prompt.")
    into_labels: list[list[float]] = Field(description="(demonstration, token)")


class QueryFlowFields(RawFields):
    loss: float
    loss_target: Literal["gold", "predicted"]
    raw: RawFields
    tokens: list[str] | None = Field(None, description="The whole prompt's, where a token view was asked for.")
    token_view: list[TokenViewFields] | None = None


class SaliencyFields(SectionFields):
    loss_target: Literal["gold", "predicted", "mixed"]
    heads: Literal["signed", "absolute"] = Field("signed", description="How heads are summed.")
    text_to_label: PerLayer = Field(description="S_wp as a share of the three flows, per layer, mean over queries.")
    label_to_target: PerLayer = Field(description="S_pq as a share.")
    text_to_text: PerLayer = Field(description="S_ww as a share.")
    raw: RawFields
    queries: list[QueryFlowFields]
    missing: list[str] = Field([], description="What is undefined, and why.")


@dataclass(frozen=True)
class Flows:
    """The saliency of all queries, and the layers whose token view is told."""

    saliency: Saliency
    heads: HeadSum | None = None  # None where only the result is at hand
    token_layers: tuple[int, ...] = ()
    tokens: tuple[tuple[str, ...], ...] = ()  # per query, the whole prompt's tokens; empty where no view is told


def compute(session: Session, settings: ReportSettings, progress: Progress) -> Flows:
    """Every query's saliency. Raises AnalysisError for a layer that is not there."""
    told = tuple(layer_index(layer, session.model.n_layers) for layer in settings.token_layers)
    found = session.saliency(settings.loss_target, progress, heads=settings.heads)
    texts = tuple(_token_texts(session, flow.query) for flow in found.queries) if told else ()
    return Flows(found, settings.heads, told, texts)


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


def reading(result: Flows, session: Session | None = None) -> str:
    """Where label words collect and from where on the target reads them."""
    return reading_of_flows(result.saliency.shares, result.saliency.raw)


def blocks(flows: Flows, session: Session | None = None) -> list[Block]:
    """The three flows' shares per layer, and what flows into the target token by token."""
    result = flows.saliency
    against = {"gold": "the gold label", "predicted": "the predicted label"}
    target = against.get(result.loss_target, "the gold label, or the predicted one where gold is unknown")
    caption = "Share of each flow in its layer."
    shown: list[Block] = [
        Paragraph(f"Mean saliency over {counted(len(result.queries), 'query')}, for the loss against {target}."),
        Figure("flows", caption, lambda: curves(list(zip(FLOW_NAMES, result.shares, strict=True)), "layer", "share")),
        _per_layer("flows", caption, result.shares),
        _per_layer("raw", "Mean saliency of a pair of positions, before it is made a share.", result.raw, raw=True),
    ]
    shown += [] if session is None else [_into_target(result, session)]
    return shown + notes(result.missing)


def _into_target(result: Saliency, session: Session) -> Tokens:
    """Token by token, in the layer in which the target reads most from the label words."""
    from icldiag.report.page import example_query, pieces_of

    query = example_query(session)
    flow = next(flow for flow in result.queries if flow.query == query)
    layer = int(result.raw[1].argmax())
    caption = (
        f"How much flows from each token into the target, the last one, in layer {layer}, where it reads most from "
        f"label words; query {query + 1}."
    )
    return Tokens(caption, pieces_of(session, query), tuple(map(float, flow.into_target[layer])))


def _per_layer(name: str, caption: str, flows: FloatArray, raw: bool = False) -> Table:
    rows = [(layer, *map(float, flows[:, layer])) for layer in range(flows.shape[1])]
    place, digits = ("aside", ".2e") if raw else ("folded", ".2f")
    return Table(name, caption, ("layer", *FLOW_NAMES), tuple(rows), place, digits)  # type: ignore[arg-type]


SECTION = Section(
    title="Information flow (saliency)",
    question="How the model reads the prompt",
    fields=SaliencyFields,
    compute=compute,
    values=values,
    reading=reading,
    blocks=blocks,
    main="flows",
)
