"""Demonstrations: what each of them is worth to each query, alone and together with the others."""

from icldiag.analyses.demonstrations.compute import DemonstrationValues, ValueDemonstrations

__all__ = ["DemonstrationValues", "ValueDemonstrations"]
