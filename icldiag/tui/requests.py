"""The requests of the analyses that run only when a user asks for them; imported when they are first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icldiag.analyses.compression.compute import Compress
    from icldiag.analyses.repairs import FindRepairs
    from icldiag.analyses.reweighting.compute import Reweight


def reweighting() -> Reweight:
    from icldiag.analyses.reweighting.compute import Reweight

    return Reweight()


def compression() -> Compress:
    from icldiag.analyses.compression.compute import Compress

    return Compress()


def repairs() -> FindRepairs:
    from icldiag.analyses.repairs import FindRepairs

    return FindRepairs()
