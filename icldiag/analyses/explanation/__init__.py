"""Explanation: why this query got this answer, as far as interventions confirm it.

For a wrong query the answer stands against the gold label, for any other against the runner-up. Evidence is gathered,
one file each; the lead is divided among what may be neutralised in the prompt (`shares`), and a cause is named if a
change that was run turns the answer or takes half of its lead (`ranking`).
"""

from icldiag.analyses.explanation.compute import Explain, Explanation, explain
from icldiag.analyses.explanation.findings import Finding, findings
from icldiag.analyses.explanation.partial import PartialExplanation
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.explanation.reading import of_cause, reading
from icldiag.analyses.explanation.weights import weights

__all__ = [
    "Cause",
    "Explain",
    "Explanation",
    "Finding",
    "PartialExplanation",
    "explain",
    "findings",
    "of_cause",
    "reading",
    "weights",
]
