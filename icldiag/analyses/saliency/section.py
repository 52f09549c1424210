"""The section on saliency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.request import Workbench
from icldiag.analyses.saliency.compute import FLOWS, Flow, Flows, QueryFlow, Saliency
from icldiag.analyses.saliency.rows import HeadSum
from icldiag.analyses.saliency.wording import LOSSES, MIXED, counted_tokens, in_words
from icldiag.counting import counted
from icldiag.indices import layer_index
from icldiag.model.readout import FloatArray, Progress, step_of
from icldiag.page.blocks import Block, Figure, Paragraph, Table, Tokens, notes
from icldiag.page.figures import curves
from icldiag.page.text import percent, ranges
from icldiag.private import PRIVATE
from icldiag.prompt.encoded_prompt import EncodedPrompt, Span
from icldiag.prompt.template import in_braces

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
    query: int | None = Field(None, description="Counts from 0; absent from older reports.")
    loss: float
    loss_target: Literal["gold", "predicted"]
    raw: RawFields
    fields: dict[str, float | None] | None = Field(
        None, description="Of what flows from texts into their label words, each field's share; of several fields."
    )
    tokens: list[str] | None = Field(None, description="The whole prompt's, where a token view was asked for.")
    token_view: list[TokenViewFields] | None = None


class SaliencyFields(SectionFields):
    loss_target: Literal["gold", "predicted", "mixed"]
    heads: Literal["signed", "absolute"] = Field("signed", description="How heads are summed.")
    text_to_label: PerLayer = Field(description="S_wp as a share of the three flows, per layer, mean over queries.")
    label_to_target: PerLayer = Field(description="S_pq as a share.")
    text_to_text: PerLayer = Field(description="S_ww as a share.")
    raw: RawFields
    fields: dict[str, float | None] | None = Field(
        None, description="Each field's share of what flows from texts into their label words, mean over queries."
    )
    queries: list[QueryFlowFields]
    missing: list[str] = Field([], description="What is undefined, and why.")


@dataclass(frozen=True)
class AllFlows:
    """The saliency of all queries, and the layers whose token view is told."""

    saliency: Saliency
    heads: HeadSum | None = None  # None where only the result is at hand
    token_layers: tuple[int, ...] = ()
    #: Per query, the whole prompt's tokens; empty where no view was asked for.
    tokens: tuple[tuple[str, ...], ...] = field(default=(), metadata=PRIVATE)
    fields: tuple[str, ...] = field(default=(), metadata=PRIVATE)  # of a template with several; empty of one with one
    by_field: tuple[FloatArray, ...] = ()  # per query (F,), each field's share; see `field_shares`

    @property
    def mean_by_field(self) -> FloatArray | None:
        """(F,) over the queries that have shares; None where there is one field, or no shares."""
        known = [shares for shares in self.by_field if not np.isnan(shares).any()]
        return np.asarray(np.mean(known, axis=0)) if self.fields and known else None


def requests(context: Context) -> list[Flow | Flows]:
    """Every query's saliency, or that of the one asked about. Raises AnalysisError for a layer that is not there."""
    for layer in context.settings.token_layers:
        layer_index(layer, context.layers)
    settings = context.settings
    if context.query is not None:
        return [Flow(context.query, settings.loss_target, settings.heads)]
    return [Flows(settings.loss_target, settings.heads)]


def gather(answers: Sequence[Any], context: Context | None) -> AllFlows:
    """All queries' saliency, or one query's."""
    (answer,) = answers
    found = answer if isinstance(answer, Saliency) else Saliency((answer,))
    if context is None:
        return AllFlows(found)
    layers = context.settings.token_layers
    tokens = tuple(context.token_texts(flow.query) for flow in found.queries) if layers else ()
    fields = context.prompt.fields if len(context.prompt.fields) > 1 else ()
    by_field = tuple(field_shares(flow, context.text_spans) for flow in found.queries) if fields else ()
    return AllFlows(found, context.settings.heads, layers, tokens, fields, by_field)


def values(result: AllFlows) -> dict[str, Any]:
    """The section's JSON values: shares per layer, and raw means beside them."""
    found = result.saliency
    return {
        "loss_target": found.loss_target,
        "heads": result.heads,
        **dict(zip(FLOWS, found.shares, strict=True)),
        "raw": dict(zip(FLOWS, found.raw, strict=True)),
        "fields": _named(result, result.mean_by_field),
        "queries": [
            {
                "query": flow.query,
                "loss": flow.loss,
                "loss_target": flow.loss_target,
                **dict(zip(FLOWS, flow.shares, strict=True)),
                "raw": dict(zip(FLOWS, flow.raw, strict=True)),
                "fields": _named(result, result.by_field[index]) if result.by_field else None,
                **_token_view(result, flow, index),
            }
            for index, flow in enumerate(found.queries)
        ],
        "missing": found.missing,
    }


def _named(result: AllFlows, shares: FloatArray | None) -> dict[str, float] | None:
    return None if shares is None else dict(zip(result.fields, map(float, shares), strict=True))


def _token_view(result: AllFlows, flow: QueryFlow, index: int) -> dict[str, Any]:
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


def reading(result: AllFlows, context: Context | None = None) -> str:
    """Which flow is the largest where."""
    told = reading_of_flows(result.saliency.shares, result.saliency.raw)
    return told + _told_by_field(result.fields, result.mean_by_field)


def blocks(flows: AllFlows, context: Context | None = None) -> list[Block]:
    """The three flows' shares per layer, and what flows into the target token by token."""
    result = flows.saliency
    target = LOSSES.get(result.loss_target, MIXED)
    caption = (
        "Each flow's share of the sum of the three in its layer; a flow is the mean saliency of its pairs of positions."
    )
    shown: list[Block] = [
        Paragraph(
            f"Mean saliency over {counted(len(result.queries), 'query')}, for the loss against {target}."
            + ("" if context is None else f" Of label words count {in_words(context.prompt.anchor)}.")
        ),
        Figure("flows", caption, lambda: curves(list(zip(FLOW_NAMES, result.shares, strict=True)), "layer", "share")),
        _per_layer("flows", caption, result.shares),
        _per_layer("raw", "Mean saliency of a pair of positions, before it is made a share.", result.raw, raw=True),
    ]
    shown += [] if flows.mean_by_field is None else [_by_field_table(flows)]
    shown += [] if context is None else [_into_target(result, context)]
    return shown + notes(result.missing)


def _into_target(result: Saliency, context: Context) -> Tokens:
    """Token by token, in the layer in which most flows from label words into the target."""
    query = context.example_query
    flow = next(flow for flow in result.queries if flow.query == query)
    layer = int(flow.raw[1].argmax())
    caption = (
        f"How much flows from each token into the target, the last one, in layer {layer}, where most flows into it "
        f"from label words; query {query + 1}."
    )
    return Tokens(caption, context.pieces(query), tuple(map(float, flow.into_target[layer])))


def _per_layer(name: str, caption: str, flows: FloatArray, raw: bool = False) -> Table:
    rows = [(layer, *map(float, flows[:, layer])) for layer in range(flows.shape[1])]
    return Table(
        name,
        caption,
        ("layer", *FLOW_NAMES),
        tuple(rows),
        place="aside" if raw else "folded",
        digits=".2e" if raw else ".2f",
    )


def reading_of_flows(shares: FloatArray, raw: FloatArray) -> str:
    """Which of the three flows is the largest in which layers, and where label words collect most; both (3, L)."""
    flowing = np.flatnonzero(raw.sum(axis=0) > 0)
    if not len(flowing):
        return "Nothing flows in any layer."
    largest = raw.argmax(axis=0)
    led = [(name, flowing[largest[flowing] == flow]) for flow, name in enumerate(FLOW_NAMES)]
    where = "; ".join(f"{name} {_in_layers(layers)}" for name, layers in led if len(layers))
    peak = int(np.nanargmax(shares[0]))
    return (
        f"The largest flow is {where}. The share of {FLOW_NAMES[0]} is highest in layer {peak} ({shares[0, peak]:.2f})."
    )


def _in_layers(layers: Sequence[int]) -> str:
    return f"in layer{'s' if len(layers) > 1 else ''} {ranges(map(int, layers))}"


def reading_of_query(flow: QueryFlow, encoded: EncodedPrompt) -> str:
    """One sentence: how much reaches the target through label words, and through which class's most."""
    through = np.array([flow.into_target[:, list(places)].sum() for places in encoded.all_anchors], np.float64)
    total, everything = float(through.sum()), float(flow.into_target.sum(dtype=np.float64))
    if total <= 0:
        return "Nothing flows from the label words into the target."
    names = encoded.prompt.label_names
    share = np.zeros(len(names))
    spans = [demonstration.texts for demonstration in encoded.demonstrations]
    for demonstration, amount in zip(encoded.demonstrations, through, strict=True):
        share[demonstration.label_class] += amount / total
    first, second = np.argsort(-share, kind="stable")[:2]
    return (
        f"Of what flows into the target, by the loss of {LOSSES[flow.loss_target]}, {percent(total / everything)} "
        f"comes from label words{counted_tokens(encoded)}: {share[first]:.0%} of that from {names[first]}, "
        f"{share[second]:.0%} from {names[second]}."
        f"{_told_by_field(encoded.prompt.fields, field_shares(flow, spans))}"
    )


def field_shares(flow: QueryFlow, spans: Sequence[Sequence[Span]]) -> FloatArray:
    """(F,) of what flows from the texts of each demonstration into its label word, the share of each field's tokens.

    Args:
        spans: of each field, in each demonstration.
    """
    found = np.zeros(len(spans[0]))
    for index, texts in enumerate(spans):
        for place, span in enumerate(texts):
            found[place] += flow.into_labels[:, index, slice(*span)].sum(dtype=np.float64)
    return np.asarray(np.divide(found, found.sum(), out=np.full_like(found, np.nan), where=found.sum() > 0))


def _told_by_field(fields: Sequence[str], shares: FloatArray | None) -> str:
    """A sentence where the template has several fields."""
    if len(fields) < 2 or shares is None or np.isnan(shares).any():
        return ""
    order = np.argsort(-shares, kind="stable")
    told = ", ".join(f"{shares[place]:.0%} from {in_braces([fields[place]])}" for place in order)
    return f" Of what flows from the texts into their label words, {told}."


def _by_field_table(flows: AllFlows) -> Table:
    """A row for each query, and the mean."""
    rows = [
        (flow.query + 1, *(None if np.isnan(share) else float(share) for share in shares))
        for flow, shares in zip(flows.saliency.queries, flows.by_field, strict=True)
    ]
    mean = flows.mean_by_field
    assert mean is not None
    caption = (
        "Of what flows from the texts of the demonstrations into their label words, in all layers, the share of each "
        "field's tokens."
    )
    return Table("fields", caption, ("query", *flows.fields), (("mean", *map(float, mean)), *rows), limit=50)


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    every = len(bench.prompt.queries)
    count = min(settings["saliency_queries"] or every, every)
    found = Saliency(
        tuple(bench.ask(Flow(query), step_of(progress, "saliency", query, count)) for query in range(count))
    )
    return {"queries": count, "loss_target": found.loss_target, "shares": found.shares, "missing": found.missing[:1]}


SECTION = Section(
    title="Information flow (saliency)",
    question="How the model reads the prompt",
    fields=SaliencyFields,
    requests=requests,
    gather=gather,
    values=values,
    reading=reading,
    blocks=blocks,
    main="flows",
)

ANALYSIS = Analysis("saliency", (Saliency, QueryFlow), SECTION, numbers, ("saliency_queries",))
