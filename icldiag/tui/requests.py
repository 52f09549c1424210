"""Requests that are looked for on disk when the app opens; imported when they are first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icldiag.analyses.compression.compute import Compress
    from icldiag.analyses.overview import Summarise
    from icldiag.analyses.repairs import FindRepairs
    from icldiag.analyses.reweighting.compute import Reweight


def reweighting(anchor_heads: bool = False) -> Reweight:
    """Of all heads, or of those alone that panel Heads finds."""
    from icldiag.analyses.reweighting.compute import Reweight
    from icldiag.analyses.reweighting.training import TrainingSettings

    return Reweight(TrainingSettings(heads="anchor" if anchor_heads else ()))


def reweightings() -> tuple[Reweight, Reweight]:
    return reweighting(), reweighting(anchor_heads=True)


def compression() -> Compress:
    from icldiag.analyses.compression.compute import Compress

    return Compress()


def repairs() -> FindRepairs:
    from icldiag.analyses.repairs import FindRepairs

    return FindRepairs()


def overview() -> Summarise:
    from icldiag.analyses.overview import Summarise

    return Summarise()
