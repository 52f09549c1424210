"""The section on extraction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from icldiag.analyses.extraction import Extraction
from icldiag.analyses.extraction import reading as reading_of_layers
from icldiag.page.blocks import Block, Figure, Paragraph, Table, notes
from icldiag.page.figures import curves, heatmap
from icldiag.report.section import Fields, Section, SectionFields

if TYPE_CHECKING:
    from icldiag.session import Session


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


def reading(result: Extraction, session: Session | None = None) -> str:
    """In which layers attention to the label words foretells the answer."""
    return reading_of_layers(result)


def blocks(result: Extraction, session: Session | None = None) -> list[Block]:
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
        Paragraph(f"How well the target's attention to the label words foretells the {result.against} label.")
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


SECTION = Section(
    title="Extraction: attention and prediction",
    question="How the model reads the prompt",
    fields=ExtractionFields,
    compute=lambda session, settings, progress: session.extraction(progress, against=settings.against),
    values=values,
    reading=reading,
    blocks=blocks,
    main="aucroc",
)
