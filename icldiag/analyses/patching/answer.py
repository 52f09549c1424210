"""What patching answers: shares of a change by place and layer, and what carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.patching.alignment import Site
from icldiag.analyses.patching.counterparts import LEAST
from icldiag.analyses.result import AnalysisResult
from icldiag.model.readout import FloatArray

HALF = 0.5  # of the change: what carries more than this carries more than all else


@dataclass(frozen=True)
class HeadShare:
    """A head's output at the target, in nats of the lead, as `Patching.moved`."""

    layer: int
    head: int
    estimate: float  # denoising, first order
    denoised: float
    noised: float
    read: float | None  # denoising by what it reads at the carrier alone; None where there is no carrier in its layer


@dataclass(frozen=True)
class Carrier:
    """A site that holds at least half of the change in each of these layers, patched exactly."""

    site: int
    layers: tuple[int, ...]
    at: int  # the layer of these in which it holds most
    share: float  # there
    back: float  # noising, there; NaN where there is none


@dataclass(frozen=True, repr=False)
class Patching(AnalysisResult):
    """One query; S sites, L layers. Numbers are nats of the lead that a patch moves towards the other prompt's."""

    query: int
    labels: tuple[str, ...]
    answer: int
    rival: int
    counterpart_answer: int
    change: str  # what the counterpart changes
    chosen: str  # by what icldiag chose it; "" where it was given
    lead: float  # of the answer over the rival, in nats
    counterpart_lead: float
    sites: tuple[Site, ...]
    unaligned: tuple[str, ...]
    estimates: FloatArray  # (2, L, S) first order: denoising, noising
    moved: FloatArray  # (2, L, S) exactly; NaN where it was not run
    asked: int  # cells that are to be run
    whole: bool  # whether all that was asked for was run
    same: tuple[int, ...]  # sites at which the two prompts are the same
    heads: tuple[HeadShare, ...]

    @property
    def difference(self) -> float:
        return self.lead - self.counterpart_lead

    @property
    def defined(self) -> bool:
        """Whether shares of the change mean anything."""
        return abs(self.difference) >= LEAST

    def shares(self, nats: FloatArray) -> FloatArray:
        """Nats that a patch moves, as shares of the change; NaN where that is too small."""
        return nats / self.difference if self.defined else np.full_like(nats, np.nan)

    def share(self, nats: float) -> float:
        """The same of one number."""
        return float(self.shares(np.asarray(nats)))

    @property
    def done(self) -> int:
        """Cells that were run."""
        return int((~np.isnan(self.moved[0])).sum())

    @property
    def arrival(self) -> int | None:
        """The layer from whose input on the target holds at least half of the change; None where that is not known."""
        (target,) = (place for place, site in enumerate(self.sites) if site.kind == "target")
        held = self.shares(self.moved[0])[:, target] >= HALF
        below = np.flatnonzero(~held)
        first = int(below[-1]) + 1 if len(below) else 0
        return first if first < len(held) else None

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """What holds at least half of the change before the target does; what does so in the deepest layer first."""
        shares, back = (self.shares(moved) for moved in self.moved)
        found = []
        for place, site in enumerate(self.sites):
            layers = np.flatnonzero(shares[:, place] >= HALF)
            if site.kind != "target" and len(layers):
                run = [layer for layer in layers if set(range(layer, layers[-1])) <= set(layers)]
                most = run[int(shares[run, place].argmax())]
                own = float(shares[most, place]), float(back[most, place])
                found.append(Carrier(place, tuple(map(int, run)), int(most), *own))
        return tuple(sorted(found, key=lambda one: (-one.layers[-1], -one.share)))

    @property
    def strongest(self) -> tuple[int, int] | None:
        """(layer, site) of the largest share run exactly beside the target's; None where none was."""
        return self._largest(self.moved[0])

    @property
    def likeliest(self) -> tuple[int, int] | None:
        """The same by the estimates."""
        return self._largest(self.estimates[0])

    def _largest(self, nats: FloatArray) -> tuple[int, int] | None:
        """Of places that differ, beside the target."""
        shares = self.shares(nats).copy()
        targets = [place for place, site in enumerate(self.sites) if site.kind == "target"]
        shares[:, [*targets, *self.same]] = np.nan
        if np.isnan(shares).all():
            return None
        layer, site = np.unravel_index(np.nanargmax(shares), shares.shape)
        return int(layer), int(site)
