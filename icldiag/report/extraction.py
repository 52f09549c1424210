"""The section on extraction."""

from __future__ import annotations

from typing import Any

from icldiag.analyses.extraction import Extraction
from icldiag.report.text import notes, number, table
from icldiag.session import Session


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


def markdown(result: Extraction, session: Session) -> list[str]:
    """The section's lines: AUCROC and R per layer."""
    rows = [
        [str(layer), number(aucroc), number(share)]
        for layer, (aucroc, share) in enumerate(zip(result.aucroc, result.cumulative, strict=True))
    ]
    return [
        "## Extraction: attention and prediction",
        "",
        f"How well the target's attention to the label words foretells the {result.against} label (AUCROC, 0.5 is "
        "chance), and the share of it reached by each layer (R):",
        "",
        *table(["layer", "AUCROC", "R"], rows),
        *notes(result.missing),
    ]
