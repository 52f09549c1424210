"""The section on depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.depth.compute import Depth, QueryDepth, ReadDepth, ReadDepths
from icldiag.analyses.depth.reading import reading, reading_of_query, shares
from icldiag.analyses.depth.separation import StateAuc
from icldiag.analyses.estimates import Estimate
from icldiag.analyses.request import Request, Workbench
from icldiag.counting import counted
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
    queries: list[QueryDepthFields]


@dataclass(frozen=True)
class Depths:
    """All queries, and one of them in detail; either may be missing."""

    every: Depth | None
    query: QueryDepth | None


def requests(context: Context) -> list[Request[Any]]:
    one: Request[Any] = ReadDepth(context.example_query)
    return [one] if context.query is not None else [ReadDepths(), one]


def gather(answers: Sequence[Any], context: Context | None) -> Depths:
    every = next((answer for answer in answers if isinstance(answer, Depth)), None)
    return Depths(every, next((answer for answer in answers if isinstance(answer, QueryDepth)), None))


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
        **({} if found.every is None else {**_series(found.every), "states": _states(found.every.states)}),
        "queries": [] if found.query is None else [_query(found.query)],
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
        "readable": found.lens.readable.tolist(),
        "parts": None
        if parts is None
        else {
            "difference": parts.difference,
            "capped": parts.capped,
            "embedding": parts.embedding,
            "attention": parts.attention,
            "heads": parts.heads,
            "mlp": parts.mlp,
            "bias": parts.bias,
        },
        "missing": found.missing,
    }


def section_reading(found: Depths, context: Context | None = None) -> str:
    if found.every is not None:
        return reading(found.every)
    assert found.query is not None
    return reading_of_query(found.query)


_NAMES = {
    "accuracy": "accuracy by the lens",
    "auc": "AUC of the lens's scores",
    "state_auc": "AUC of the states",
    "mass": "label mass",
    "spelled": "label mass, any spelling",
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
        *([] if found.states is None else [_state_table(found.states)]),
    ]


def _state_table(found: StateAuc) -> Table:
    caption = (
        f"AUC of the states by the layers passed, of {counted(found.queries, 'query')} of {len(found.labels)} labels, "
        "with intervals of 95 %: with the labels shuffled among these queries, and less the AUC of the output's scores "
        f"({found.output})."
    )
    rows = tuple(
        (row, one.value, one.low, one.high, null.value, null.low, null.high)
        + ((None, None) if less is None else (less.low, less.high))
        for row, (one, null, less) in enumerate(zip(found.estimates, found.shuffled, found.differences, strict=True))
    )
    columns = ("layers passed", "AUC", "low", "high", "shuffled", "low", "high", "less the output's, low", "high")
    return Table("states", caption, columns, rows, place="folded")


def _blocks_of_query(found: QueryDepth, heading: bool) -> list[Block]:
    shown: list[Block] = [Heading(f"Query {found.query + 1}"), Paragraph(reading_of_query(found))] if heading else []
    names, chances = found.labels, found.probabilities
    caption = (
        f"Label probabilities of query {found.query + 1} by the layers passed (logit lens), and the probability of the "
        "label words' first tokens among all: as they are written, and in any case and spacing."
    )
    series = [(names[label], chances[:, label]) for label in (found.answer, found.rival)] + [
        ("label mass", found.lens.mass),
        ("label mass, any spelling", found.lens.spelled),
    ]
    columns = ("layers passed", *names, "label mass", "any spelling", "readable")
    rows = tuple(
        (row, *map(float, numbers), "yes" if found.lens.readable[row] else "no")
        for row, numbers in enumerate(np.column_stack([chances, found.lens.mass, found.lens.spelled]))
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
    return {**_series(found), "decided": float(np.median(decided)) if decided.size else None}


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

ANALYSIS = Analysis("depth", (Depth, QueryDepth), SECTION, numbers)
