"""The section on depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.depth.compute import Depth, QueryDepth, ReadDepth, ReadDepths
from icldiag.analyses.depth.mean_shares import MeanShares, ShareDepths
from icldiag.analyses.depth.reading import reading, reading_of_means, reading_of_query, shares
from icldiag.analyses.depth.separation import StateAuc
from icldiag.analyses.depth.tables import lead_blocks, mean_blocks, state_table
from icldiag.analyses.estimates import Estimate
from icldiag.analyses.request import Request, Workbench
from icldiag.counting import counted
from icldiag.model.direct import DirectParts
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Figure, Heading, Paragraph, Table
from icldiag.page.figures import curves

PerRow = list[float | None]


class PartsFields(Fields):
    difference: float = Field(description="Logit of the answer's first token minus that of its rival's.")
    capped: bool = Field(description="Whether the model bends its logits after that.")
    embedding: float
    attention: list[float] = Field(description="Per layer.")
    heads: list[list[float]] = Field(description="(layer, head)")
    mlp: list[float] = Field(description="Per layer.")
    bias: float


class QueryDepthFields(Fields):
    query: int = Field(description="Counts from 0.")
    answer: int
    rival: int
    probabilities: list[list[float]] = Field(description="(row, class) among the labels.")
    mass: list[float]
    spelled: list[float] = Field([], description="The mass in any case and spacing.")
    leads: list[float] = Field([], description="By row, nats of the answer over the rival.")
    readable: list[bool]
    parts: PartsFields | None
    missing: str


class StateAucFields(Fields):
    labels: list[int] = Field(description="That enough queries have; the pairs of these alone are compared.")
    queries: int
    auc: list[tuple[float, float, float]] = Field(description="By row: AUC, and its interval of 95 %.")
    shuffled: list[tuple[float, float, float]] = Field(description="By row, labels shuffled: mean, and 95 % of it.")
    output: tuple[float, float, float] = Field(description="Of the output's scores, of the same queries and labels.")
    differences: list[tuple[float, float, float] | None] = Field(description="By row: states minus output.")


class MeanSharesFields(Fields):
    queries: list[int] = Field(description="That have direct shares, counted from 0.")
    means: dict[str, PartsFields] = Field(description="Mean over the right answers, and over the wrong ones.")


class DepthFields(SectionFields):
    accuracy: PerRow = Field([], description="By row: before the first layer, and after each.")
    auc: PerRow = Field([], description="Mean over pairs of labels, of the lens's scores.")
    state_auc: PerRow = Field([], description="The same of the states themselves.")
    mass: PerRow = Field([], description="Probability of the label words' first tokens, mean over queries.")
    spelled: PerRow = Field([], description="The same with these tokens in any case and spacing.")
    states: StateAucFields | None = Field(None, description="Of the states; null where too few queries are labelled.")
    agreement: PerRow = Field([], description="Share of the queries whose leading label is the answer.")
    gold_of_right: PerRow = Field([], description="Mean probability of the gold label where the answer is right.")
    gold_of_wrong: PerRow = Field([], description="The same where it is wrong.")
    answer_of_wrong: PerRow = Field([], description="Mean probability of the wrong answers.")
    gold_leads: dict[str, PerRow] = Field(
        {}, description="Mean nats of the gold label over the best other one, of right and of wrong answers."
    )
    shares: MeanSharesFields | None = Field(None, description="Direct shares of the lead, over a sample of queries.")
    queries: list[QueryDepthFields]


@dataclass(frozen=True)
class Depths:
    """All queries, and one of them in detail; either may be missing."""

    every: Depth | None
    query: QueryDepth | None
    shares: MeanShares | None = None


def requests(context: Context) -> list[Request[Any]]:
    one: Request[Any] = ReadDepth(context.example_query)
    return [one] if context.query is not None else [ReadDepths(), one, ShareDepths()]


def gather(answers: Sequence[Any], context: Context | None) -> Depths:
    every = next((answer for answer in answers if isinstance(answer, Depth)), None)
    query = next((answer for answer in answers if isinstance(answer, QueryDepth)), None)
    return Depths(every, query, next((answer for answer in answers if isinstance(answer, MeanShares)), None))


def _series(found: Depth) -> dict[str, Any]:
    """Numbers by row."""
    return {
        "accuracy": found.accuracy,
        "auc": found.auc,
        "state_auc": found.state_auc,
        "mass": found.mass,
        "spelled": found.spelled,
        "agreement": found.agreement,
        "gold_of_right": found.probability(found.gold, found.right),
        "gold_of_wrong": found.probability(found.gold, found.wrong),
        "answer_of_wrong": found.probability(found.predicted, found.wrong),
    }


def values(found: Depths) -> dict[str, Any]:
    return {
        **({} if found.every is None else _of_all(found.every)),
        "shares": _shares(found.shares),
        "queries": [] if found.query is None else [_query(found.query)],
    }


def _of_all(found: Depth) -> dict[str, Any]:
    return {**_series(found), "states": _states(found.states), "gold_leads": found.gold_leads}


def _shares(found: MeanShares | None) -> dict[str, Any] | None:
    if found is None or not found.parts:
        return None
    return {
        "queries": found.queries,
        "means": {name: _parts(found.mean(chosen)) for name, chosen in found.groups.items()},
    }


def _parts(parts: DirectParts) -> dict[str, Any]:
    return {
        "difference": parts.difference,
        "capped": parts.capped,
        "embedding": parts.embedding,
        "attention": parts.attention,
        "heads": parts.heads,
        "mlp": parts.mlp,
        "bias": parts.bias,
    }


def _states(found: StateAuc | None) -> dict[str, Any] | None:
    def three(one: Estimate | None) -> tuple[float, float, float] | None:
        return None if one is None else (one.value, one.low, one.high)

    if found is None:
        return None
    return {
        "labels": found.labels,
        "queries": found.queries,
        "auc": [three(one) for one in found.estimates],
        "shuffled": [three(one) for one in found.shuffled],
        "output": three(found.output),
        "differences": [three(one) for one in found.differences],
    }


def _query(found: QueryDepth) -> dict[str, Any]:
    parts = found.parts
    return {
        "query": found.query,
        "answer": found.answer,
        "rival": found.rival,
        "probabilities": found.probabilities,
        "mass": found.lens.mass,
        "spelled": found.lens.spelled,
        "leads": found.leads,
        "readable": found.lens.readable.tolist(),
        "parts": parts and _parts(parts),
        "missing": found.missing,
    }


def section_reading(found: Depths, context: Context | None = None) -> str:
    if found.every is not None:
        return reading(found.every)
    if found.query is not None:
        return reading_of_query(found.query)
    assert found.shares is not None
    return reading_of_means(found.shares)


_NAMES = {
    "accuracy": "accuracy by the lens",
    "auc": "AUC of the lens's scores",
    "state_auc": "AUC of the states",
    "mass": "label mass",
    "spelled": "label mass, any case or spacing",
    "agreement": "answer leads",
    "gold_of_right": "p(gold), right",
    "gold_of_wrong": "p(gold), wrong",
    "answer_of_wrong": "p(answer), wrong",
}


def blocks(found: Depths, context: Context | None = None) -> list[Block]:
    """Curves over the layers, then one query's, and what each part writes of its lead."""
    shown: list[Block] = []
    if found.every is not None:
        shown += _blocks_of_all(found.every)
    if found.shares is not None:
        shown += mean_blocks(found.shares)
    if found.query is not None:
        shown += _blocks_of_query(found.query, heading=found.every is not None)
    return shown


def _blocks_of_all(found: Depth) -> list[Block]:
    series = {_NAMES[name]: numbers for name, numbers in _series(found).items()}
    drawn = [(name, numbers) for name, numbers in series.items() if not np.isnan(numbers).all()]
    caption = (
        f"By the layers passed, of {counted(len(found.lenses), 'query')}: what the logit lens reads of the labels at "
        "the target, and how well the states separate them (0.5 is chance). In the end it is the model's own output."
    )
    rows = tuple((row, *map(float, numbers)) for row, numbers in enumerate(zip(*series.values(), strict=True)))
    return [
        Figure("depth", caption, lambda: curves(drawn, "layers passed", "", reference=0.5)),
        Table("depth", caption, ("layers passed", *series), rows, place="folded"),
        *([] if found.states is None else [state_table(found.states)]),
        *lead_blocks(found),
    ]


def _blocks_of_query(found: QueryDepth, heading: bool) -> list[Block]:
    shown: list[Block] = [Heading(f"Query {found.query + 1}"), Paragraph(reading_of_query(found))] if heading else []
    names, chances = found.labels, found.probabilities
    caption = (
        f"Label probabilities, and the lead of the answer over its rival in nats, of query {found.query + 1} by the "
        "layers passed (logit lens), and the probability of the label words' first tokens among all: as they are "
        "written, and in any case and spacing."
    )
    series = [(names[label], chances[:, label]) for label in (found.answer, found.rival)] + [
        ("label mass", found.lens.mass),
        ("label mass, any case or spacing", found.lens.spelled),
    ]
    columns = ("layers passed", *names, "lead", "label mass", "any case or spacing", "readable")
    rows = tuple(
        (row, *map(float, numbers), "yes" if found.lens.readable[row] else "no")
        for row, numbers in enumerate(np.column_stack([chances, found.leads, found.lens.mass, found.lens.spelled]))
    )
    shown += [
        Figure(f"query-{found.query + 1}", caption, lambda: curves(series, "layers passed", "")),
        Table(f"query-{found.query + 1}", caption, columns, rows, place="folded"),
    ]
    if found.parts is not None:
        told = (
            f"What each part writes directly of the lead of {names[found.answer]} over {names[found.rival]}, in nats, "
            "the norms at the scale that they have: these shares sum to the difference of the logits."
        )
        listed = tuple((share.name, share.nats) for share in shares(found.parts))
        by_layer = [("attention", found.parts.attention), ("MLP", found.parts.mlp)]
        shown += [
            Figure(
                f"shares-{found.query + 1}", told, lambda: curves(by_layer, "layer", "nats", floor=None, reference=0.0)
            ),
            Table(f"shares-{found.query + 1}", told, ("part", "nats"), listed, digits="+.2f", limit=20),
        ]
    return shown


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(ReadDepths(), progress)
    decided = found.decided()
    return {
        **_series(found),
        "gold_leads": found.gold_leads,
        "decided": float(np.median(decided)) if decided.size else None,
    }


SECTION = Section(
    title="Depth: the labels by layer",
    question="How the model reads the prompt",
    fields=DepthFields,
    requests=requests,
    gather=gather,
    values=values,
    reading=section_reading,
    blocks=blocks,
    main="depth",
    partial=True,
)

ANALYSIS = Analysis("depth", (Depth, QueryDepth, MeanShares), SECTION, numbers)
