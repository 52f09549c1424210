"""How long a token takes on this machine: asked where no pass was timed, as where all answers came from disk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from icldiag.analyses.lab import Lab
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.model.readout import Progress

TIMED = 8  # queries


@dataclass(frozen=True)
class Timing:
    """What queries took."""

    tokens: int
    seconds: float


@dataclass(frozen=True)
class TimeQueries(Request[Timing]):
    """Answer the first queries once more."""

    job: ClassVar[str] = "timing"
    stored: ClassVar[bool] = False  # a busy machine's pace is not that of another day

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Timing:
        lab = Lab(bench.model, bench.encoded, bench.prefix(progress), bench.beta)
        asked = lab.question(bench.prompt.queries[:TIMED])
        began = time.monotonic()
        lab.ask([asked], progress)
        return Timing(sum(len(query.ids) for query in lab.encode(asked).queries), time.monotonic() - began)
