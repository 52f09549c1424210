"""The section on extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.extraction.compute import Extract, Extraction
from icldiag.analyses.request import Workbench
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Figure, Paragraph, Table, notes
from icldiag.page.figures import curves, heatmap


class AttentionFields(Fields):
    attention: list[list[float]] = Field(description="(layer, class), summed over heads and shots.")


class ExtractionFields(SectionFields):
    against: Literal["predicted", "gold"] = Field("predicted", description="The labels that AUCROC is taken against.")
    aucroc: list[float | None] = Field(description="Per layer.")
    cumulative: list[float | None] = Field(description="R_l")
    denominator: float | None = Field(description="Sum of AUCROC - 0.5; R_l means little where it is near 0.")
    queries: list[AttentionFields]
    missing: list[str]


def values(result: Extraction) -> dict[str, Any]:
    """The section's JSON values; attention is (layer, class) for each query."""
    return {
        "against": result.against,
        "aucroc": result.aucroc,
        "cumulative": result.cumulative,
        "denominator": result.denominator,
        "queries": [{"attention": attention} for attention in result.attention],
        "missing": result.missing,
    }


def reading(found: Extraction, context: Context | None = None) -> str:
    """One sentence: where attention to the label words predicts the answer."""
    defined = [(value, layer) for layer, value in enumerate(found.aucroc) if value is not None]
    if not defined:
        return "; ".join(found.missing)
    best, at = max(defined)
    high = [layer for value, layer in defined if value >= 0.8]
    told = "the answer" if found.against == "predicted" else "the gold label"
    where = f"it predicts {told} (0.8 or more) in layers {', '.join(map(str, high))}" if high else "no layer has 0.8"
    return f"Attention to the label words predicts {told} best in layer {at} (AUCROC {best:.2f}); {where}."


def reading_of_query(found: Extraction, query: int) -> str:
    """One sentence: which class's label words the target attends to where that predicts best."""
    defined = [(value, layer) for layer, value in enumerate(found.aucroc) if value is not None]
    if not defined:
        return "; ".join(found.missing)
    _, layer = max(defined)
    attention = found.attention[query, layer]
    first, second = np.argsort(-attention, kind="stable")[:2]
    total = float(attention.sum())
    return (
        f"In layer {layer}, where attention predicts the answers best, this query's attention to label words goes "
        f"{attention[first] / total:.0%} to {found.labels[first]}, {attention[second] / total:.0%} to "
        f"{found.labels[second]}."
    )


def blocks(result: Extraction, context: Context | None = None) -> list[Block]:
    """AUCROC and R per layer, and the mean attention to each class."""
    caption = "AUCROC of the target's attention to the label words (0.5 is chance), and the share R reached so far."
    series = [("AUCROC", result.aucroc), ("R, cumulative", result.cumulative)]
    rows = [
        (layer, aucroc, share)
        for layer, (aucroc, share) in enumerate(zip(result.aucroc, result.cumulative, strict=True))
    ]
    mean = result.attention.mean(axis=0)  # (L, C)
    attention = "Attention from the target to each class's label words, summed over heads and shots, mean over queries."
    shown: list[Block] = [
        Paragraph(f"How well the target's attention to the label words predicts the {result.against} label.")
    ]
    if any(value is not None for value in result.aucroc):
        shown.append(Figure("aucroc", caption, lambda: curves(series, "layer", "", reference=0.5)))
    shown += [
        Figure("attention", attention, lambda: heatmap(mean, result.labels, "", "layer", rows=None)),
        Table("aucroc", caption, ("layer", "AUCROC", "R"), tuple(rows), place="folded"),
        Table(
            "attention",
            attention,
            ("layer", *result.labels),
            tuple((layer, *map(float, row)) for layer, row in enumerate(mean)),
            place="aside",
            digits=".3f",
        ),
    ]
    return shown + notes(result.missing)


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Extract(), progress)
    return {
        "aucroc": found.aucroc,
        "cumulative": found.cumulative,
        "denominator": found.denominator,
        "missing": found.missing,
    }


SECTION = Section(
    title="Extraction: attention and prediction",
    question="How the model reads the prompt",
    fields=ExtractionFields,
    requests=lambda context: [Extract(context.settings.against)],
    values=values,
    reading=reading,
    blocks=blocks,
    main="aucroc",
)

ANALYSIS = Analysis("extraction", (Extraction,), SECTION, numbers)
