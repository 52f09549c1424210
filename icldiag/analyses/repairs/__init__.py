"""Repairs: changes to a prompt that were tried on labelled examples, and what each did. One file per family."""

from __future__ import annotations

from icldiag.analyses.effect import Effect
from icldiag.analyses.repairs.compute import BUDGET, FindRepairs, find_repairs, mendable
from icldiag.analyses.search.compute import TryCalibrations
from icldiag.analyses.search.reading import (
    MORE,
    alike,
    finding,
    gain,
    in_short,
    p_text,
    points,
    sorted_by,
    trial_in_short,
    tried_kind,
    verdict,
)
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.repairs import Repairs
from icldiag.analyses.search.trials import Trial

__all__ = [
    "BUDGET",
    "MORE",
    "Effect",
    "FindRepairs",
    "Repair",
    "Repairs",
    "Trial",
    "TryCalibrations",
    "alike",
    "find_repairs",
    "finding",
    "gain",
    "in_short",
    "mendable",
    "p_text",
    "points",
    "sorted_by",
    "trial_in_short",
    "tried_kind",
    "verdict",
]
