"""The section on ranked heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.circuits.compute import Circuit, Effect, RankHeads
from icldiag.analyses.circuits.reading import reading, reading_of_sides, what_is_read
from icldiag.analyses.circuits.sides import AllSides, HeadSides, LookAtHeads
from icldiag.analyses.isolation.cuts import CUT_NAMES, CutKind
from icldiag.analyses.request import Workbench
from icldiag.counting import counted
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Cell, Figure, Table
from icldiag.page.figures import heatmap


class EffectFields(Fields):
    stay: int = Field(description="Answers that stay.")
    loyalty: float
    lost: float = Field(description="Nats that the answer's lead loses, mean.")
    error: float | None = Field(description="Its standard error over the queries; null of one query.")


class RankedFields(Fields):
    layer: int
    head: int
    estimate: float = Field(description="Nats, first order, mean over the estimated queries.")
    cut: EffectFields


class TogetherFields(Fields):
    heads: int
    cut: EffectFields
    others: EffectFields | None = Field(description="As many other heads of the same layers.")


class SidesFields(Fields):
    layer: int
    head: int
    reads: float = Field(description="Share of its attention at the target on the tokens of the cut.")
    writes: float | None = Field(description="Nats of the lead that it adds directly; null where there are no shares.")
    zeroed: float = Field(description="Nats lost where its output at the target is 0.")
    averaged: float | None = Field(description="The same where it is its mean over the queries; null of one query.")


class CircuitFields(SectionFields):
    cut: CutKind
    queries: list[int] = Field(description="That were asked, counted from 1.")
    estimated: int = Field(description="How many queries the estimates are of.")
    estimates: list[list[float]] = Field(description="(layer, head)")
    everywhere: EffectFields | None
    ranked: list[RankedFields]
    together: list[TogetherFields]
    anchor_heads: list[tuple[int, int]] = Field(description="(layer, head): the fewest that take half of it.")
    sides: list[SidesFields] = Field([], description="The ranked heads, what each reads, writes and is worth.")


@dataclass(frozen=True)
class Circuits:
    """The ranking, and its heads from all sides; either may be missing."""

    circuit: Circuit | None
    sides: AllSides | None


def gather(answers: Sequence[Any], context: Context | None) -> Circuits:
    """Those that are there."""
    circuit = next((answer for answer in answers if isinstance(answer, Circuit)), None)
    return Circuits(circuit, next((answer for answer in answers if isinstance(answer, AllSides)), None))


def values(found: Circuits) -> dict[str, Any]:
    """The section's JSON values."""
    sides = [] if found.sides is None else [_side(one) for one in found.sides.heads]
    return {**({} if found.circuit is None else _of_circuit(found.circuit)), "sides": sides}


def _side(one: HeadSides) -> dict[str, Any]:
    averaged = None if one.averaged is None else one.averaged.lost
    return {
        "layer": one.layer,
        "head": one.head,
        "reads": one.reads,
        "writes": one.writes,
        "zeroed": one.zeroed.lost,
        "averaged": averaged,
    }


def _of_circuit(found: Circuit) -> dict[str, Any]:
    def effect(one: Effect | None) -> dict[str, Any] | None:
        return None if one is None else {**asdict(one), "loyalty": found.loyalty(one)}

    return {
        "cut": found.kind,
        "queries": [query + 1 for query in found.queries],
        "estimated": found.estimated,
        "estimates": found.estimates,
        "everywhere": effect(found.everywhere),
        "ranked": [
            {"layer": one.layer, "head": one.head, "estimate": one.estimate, "cut": effect(one.cut)}
            for one in found.ranked
        ],
        "together": [
            {"heads": one.heads, "cut": effect(one.cut), "others": effect(one.others)} for one in found.together
        ],
        "anchor_heads": found.anchor_heads,
    }


def section_reading(found: Circuits, context: Context | None = None) -> str:
    told = [] if found.circuit is None else [reading(found.circuit)]
    return " ".join([*told, *([] if found.sides is None else [reading_of_sides(found.sides)])])


def blocks(found: Circuits, context: Context | None = None) -> list[Block]:
    """The ranking, then its heads from all sides."""
    shown = [] if found.circuit is None else _blocks_of_circuit(found.circuit)
    return shown + ([] if found.sides is None else [_sides(found.sides)])


def _sides(found: AllSides) -> Table:
    read = what_is_read(found.kind)
    caption = (
        f"The ranked heads from all sides, over {counted(len(found.queries), 'query')}: the share of its attention at "
        f"the target that is on {read}, nats of the lead that it writes directly, and nats lost where these are "
        "cut (over all queries that were asked), and where its output at the target is 0, or its mean over the queries."
    )
    rows = tuple(
        (f"{one.layer}.{one.head}", one.reads, one.writes, one.cut.lost, one.zeroed.lost, one.zeroed.error)
        + ((None, None) if one.averaged is None else (one.averaged.lost, one.averaged.error))
        for one in found.heads
    )
    columns = ("head", "reads", "writes", "cut", "zeroed", "standard error", "averaged", "standard error")
    return Table("sides", caption, columns, rows)


def _blocks_of_circuit(found: Circuit) -> list[Block]:
    """The map of estimates, the ranking, and the first n heads together."""
    name = CUT_NAMES[found.kind]
    heads = [str(head) for head in range(found.estimates.shape[1])]
    of_map = f"{name}: nats of the lead that cutting it in a head takes, estimated on {found.estimated} queries."
    ranked = tuple(
        (f"{one.layer}.{one.head}", one.estimate, one.cut.lost, one.cut.error, found.loyalty(one.cut))
        for one in found.ranked
    )
    steps: list[tuple[Cell, ...]] = [
        (
            one.heads,
            one.cut.lost,
            one.cut.error,
            found.loyalty(one.cut),
            None if one.others is None else one.others.lost,
            None if one.others is None else found.loyalty(one.others),
        )
        for one in found.together
    ]
    asked = f"over {len(found.queries)} queries"
    return [
        Figure("estimates", of_map, lambda: heatmap(found.estimates, heads, "head", "layer", rows=None, dark="both")),
        Table(
            "heads",
            f"{name} cut in one head: nats of the lead that are lost, estimated and {asked}, and label loyalty.",
            ("head", "estimate", "lost", "standard error", "loyalty"),
            ranked,
        ),
        Table(
            "together",
            f"The first n heads cut together, and as many other heads of the same layers, {asked}.",
            ("n", "lost", "standard error", "loyalty", "lost, others", "loyalty, others"),
            tuple(steps),
        ),
    ]


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(RankHeads(seed=seed), progress)
    assert found.everywhere is not None
    return {
        "anchor_heads": found.anchor_heads,
        "everywhere": found.loyalty(found.everywhere),
        "half": None if found.half is None else found.loyalty(found.half.cut),
        "others": None if found.half is None or found.half.others is None else found.loyalty(found.half.others),
    }


SECTION = Section(
    title="Anchor heads",
    question="How the model reads the prompt",
    fields=CircuitFields,
    requests=lambda context: [RankHeads(), LookAtHeads()],
    gather=gather,
    values=values,
    reading=section_reading,
    blocks=blocks,
    main="heads",
    partial=True,
)

ANALYSIS = Analysis("circuits", (Circuit, AllSides), SECTION, numbers)
