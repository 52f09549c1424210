"""The section on patching."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.patching.answer import Patching
from icldiag.analyses.patching.compute import Patch
from icldiag.analyses.patching.reading import agreement, reading
from icldiag.model.readout import FloatArray
from icldiag.page.blocks import Block, Cell, Figure, Paragraph, Table, notes
from icldiag.page.figures import heatmap

_WAYS = ("denoising", "noising")
_INPUT = "the layer whose input is patched, which is the state after the layer before"


class SiteFields(Fields):
    name: str
    kind: str
    tokens: int
    only_here: bool = Field(description="The counterpart has it not: it is hidden from a layer on instead.")
    same: bool = Field(description="It stands before the first token that differs, so it moves nothing.")
    estimates: list[list[float | None]] = Field(description="(denoising and noising, layer), nats, first order.")
    moved: list[list[float | None]] = Field(description="(denoising and noising, layer), nats; null where not run.")


class HeadFields(Fields):
    layer: int
    head: int
    estimate: float = Field(description="Nats, denoising, first order.")
    denoised: float
    noised: float
    read: float | None = Field(description="Nats, denoising by what it reads at the carrier alone.")


class PatchingFields(SectionFields):
    query: int = Field(description="Counted from 1.")
    change: str = Field(description="What the counterpart changes.")
    chosen: str = Field(description="By what it was chosen; empty where it was given.")
    answer: str
    rival: str
    counterpart_answer: str
    lead: float = Field(description="Of the answer over the rival, in nats.")
    counterpart_lead: float
    sites: list[SiteFields]
    heads: list[HeadFields]
    unaligned: list[str]


def _or_none(values: FloatArray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def values(found: Patching) -> dict[str, Any]:
    """The section's JSON values."""
    return {
        "query": found.query + 1,
        "change": found.change,
        "chosen": found.chosen,
        "answer": found.labels[found.answer],
        "rival": found.labels[found.rival],
        "counterpart_answer": found.labels[found.counterpart_answer],
        "lead": found.lead,
        "counterpart_lead": found.counterpart_lead,
        "sites": [
            {
                "name": site.name,
                "kind": site.kind,
                "tokens": len(site.here),
                "only_here": site.only_here,
                "same": place in found.same,
                "estimates": [_or_none(found.estimates[way, :, place]) for way in range(2)],
                "moved": [_or_none(found.moved[way, :, place]) for way in range(2)],
            }
            for place, site in enumerate(found.sites)
        ],
        "heads": [
            {
                "layer": head.layer,
                "head": head.head,
                "estimate": head.estimate,
                "denoised": head.denoised,
                "noised": head.noised,
                "read": head.read,
            }
            for head in found.heads
        ],
        "unaligned": found.unaligned,
    }


def blocks(found: Patching, context: Context | None = None) -> list[Block]:
    """Maps of layers and sites, the heads, every cell."""
    shown: list[Block] = []
    if text := agreement(found):
        shown.append(Paragraph(text))
    moving = [place for place in range(len(found.sites)) if place not in found.same]
    if found.defined:
        names = [found.sites[place].name for place in moving]
        for name, nats, caption in (
            ("estimates", found.estimates[0], "First-order estimates of denoising (attribution patching)"),
            ("denoising", found.moved[0], "Denoising, run exactly"),
            ("noising", found.moved[1], "Noising, run exactly"),
        ):
            shares = found.shares(nats)[:, moving]  # (L, sites)
            if not np.isnan(shares).all():
                of = f"{caption}: share of the change in the lead, by place and by {_INPUT}. Empty cells were not run."
                draw = partial(heatmap, shares, names, "", "layer", rows=None, dark="both")
                shown.append(Figure(name, of, draw))
    shown.append(_heads(found))
    if found.defined:
        shown.append(_map(found, moving))
    shown.append(_cells(found, moving))
    told = [f"not aligned: {what}" for what in found.unaligned]
    if found.same:
        unmoved = ", ".join(found.sites[place].name for place in found.same)
        told.append(f"the same in both prompts, up to the first token that differs: {unmoved}")
    return shown + notes(told)


def _heads(found: Patching) -> Table:
    caption = (
        "Heads whose output at the target moves most, in shares of the change: estimated, denoised, noised, and "
        "denoised by what they read at the place that carries the change."
    )
    rows = tuple(
        (
            f"{head.layer}.{head.head}",
            *(
                None if nats is None or not found.defined else found.share(nats)
                for nats in (head.estimate, head.denoised, head.noised, head.read)
            ),
        )
        for head in found.heads
    )
    return Table("heads", caption, ("head", "estimate", *_WAYS, "by reading"), rows)


def _map(found: Patching, moving: Sequence[int]) -> Table:
    """The figure of what was run, for pages that have no figures."""
    shares = found.shares(found.moved[0])
    caption = f"Denoising, run exactly: share of the change in the lead, by place and by {_INPUT}; a dash was not run."
    rows: list[tuple[Cell, ...]] = [(layer, *_or_none(shares[layer, list(moving)])) for layer in range(len(shares))]
    return Table("map", caption, ("layer", *(found.sites[place].name for place in moving)), tuple(rows), place="folded")


def _cells(found: Patching, moving: Sequence[int]) -> Table:
    shares = [found.shares(nats) for nats in (*found.estimates, *found.moved)]
    rows: list[tuple[Cell, ...]] = [
        (found.sites[place].name, layer, *(_or_none(of[layer : layer + 1, place])[0] for of in shares))
        for place in moving
        for layer in range(len(found.estimates[0]))
    ]
    columns = ("place", "layer", *(f"{way}, estimate" for way in _WAYS), *(f"{way}, run" for way in _WAYS))
    caption = f"Share of the change in the lead, by {_INPUT}; a dash where it was not run."
    return Table("cells", caption, columns, tuple(rows), place="aside", limit=400)


def _of(found: Patching, context: Context | None) -> str:
    return reading(found)


SECTION = Section(
    title="Patching: where a change works",
    question="Why",
    fields=PatchingFields,
    requests=lambda context: [Patch(context.example_query)],
    values=values,
    reading=_of,
    blocks=blocks,
    main="heads",
)

ANALYSIS = Analysis("patching", (Patching,), SECTION)
