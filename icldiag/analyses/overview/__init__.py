"""The prompt's verdict: what is wrong with the prompt as a whole, how sure that is, and what to do next.

`session.overview()` gives an `Overview`; `session.lean()` gives the label prior and the calibrations alone, from one
list of some 60 short texts. `Overview.verdict` names the kind of failure, `Overview.explains(query)` says whether it
explains a wrong answer, `Overview.repairs` holds the calibrations with what they gain.
"""

from icldiag.analyses.overview.advice import next_step, search_first, to_check
from icldiag.analyses.overview.compute import MeasureLean, Overview, Perturb, Summarise
from icldiag.analyses.overview.lean import Calibrated, Lean, Prior
from icldiag.analyses.overview.opening import headline
from icldiag.analyses.overview.reading import Line, lines
from icldiag.analyses.overview.stability import LeftOut, Order, Stability
from icldiag.analyses.overview.verdict import Verdict

__all__ = [
    "Calibrated",
    "Lean",
    "LeftOut",
    "Line",
    "MeasureLean",
    "Order",
    "Overview",
    "Perturb",
    "Prior",
    "Stability",
    "Summarise",
    "Verdict",
    "headline",
    "lines",
    "next_step",
    "search_first",
    "to_check",
]
