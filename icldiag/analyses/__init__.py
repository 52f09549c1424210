"""What is computed: one folder an analysis, and `ANALYSES`, the only list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icldiag.analyses.analysis import Analysis

#: Where each analysis is registered, as `ANALYSIS`, in the order of a report. Imported when it is first asked for.
MODULES = {
    "overview": "icldiag.analyses.overview.section",  # first what is wrong with the prompt, then why a query failed
    "explanation": "icldiag.analyses.explanation.section",
    "prediction": "icldiag.analyses.prediction.section",
    "scoring": "icldiag.analyses.scoring.section",
    "generation": "icldiag.analyses.generation.section",
    "confusion": "icldiag.analyses.confusion.section",
    "saliency": "icldiag.analyses.saliency.section",
    "isolation": "icldiag.analyses.isolation.section",
    "extraction": "icldiag.analyses.extraction.section",
    "depth": "icldiag.analyses.depth.section",
    "circuits": "icldiag.analyses.circuits.section",
    "patching": "icldiag.analyses.patching.section",
    "contrast": "icldiag.analyses.contrast.section",
    "demonstrations": "icldiag.analyses.demonstrations.section",
    "repairs": "icldiag.analyses.repairs.section",
    "reweighting": "icldiag.analyses.reweighting.section",
    "compression": "icldiag.analyses.compression.section",
}


class _Analyses(Mapping[str, "Analysis"]):
    def __getitem__(self, name: str) -> Analysis:
        found: Analysis = import_module(MODULES[name]).ANALYSIS
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


ANALYSES: Mapping[str, Analysis] = _Analyses()
