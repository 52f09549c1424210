"""Explanation: why this query got this answer, as far as interventions confirm it.

For a wrong query the answer stands against the gold label, for any other against the runner-up. Evidence of six kinds
is gathered, one file each, and every cause that is named has a counterfactual that was run on the model: see `ranking`.
"""

from icldiag.analyses.explanation.compute import Explain, Explanation, explain
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.explanation.reading import Finding, findings, of_cause, reading

__all__ = ["Cause", "Explain", "Explanation", "Finding", "explain", "findings", "of_cause", "reading"]
