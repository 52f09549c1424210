"""Activation patching: through which positions, layers and heads a change of the prompt takes the answer's lead.

Meng et al. 2022 (arXiv 2202.05262), Zhang and Nanda 2024 (arXiv 2309.16042). The prompt is run, and its counterpart, a
changed prompt. D is the lead of the answer over its rival (`Contest`) in either, read as the prompt is. Then the input
of layer l at a site, a class of positions, is taken from the counterpart, and the rest of the pass runs on:

    denoising  D(prompt) - D(prompt with the counterpart's states at the site)
    noising    D(counterpart with the prompt's states at the site) - D(counterpart)

both as shares of D(prompt) - D(counterpart). Where the first is near 1 the site's states, in that layer, are enough for
the change; where the second is, they are enough to take it back, whatever the other sites hold. Shares of several sites
do not add up. Heads are patched in the same way, their output at the target.

First comes attribution patching (Nanda 2023; Syed et al. 2024, arXiv 2310.10348), the first-order estimate of every
cell from one gradient of each prompt,

    (states of the other - own states) . dD / d(own states)

and then the passes themselves, of the sites that it says most of. What stands before the first token in which the
prompts differ is the same in both, and moves nothing.

A demonstration that the counterpart has not has no states there. It is hidden instead: from layer l on no other token
reads its site, which is what its absence is to them. That is denoising; there is no noising of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from icldiag.analyses.contest import contest_of
from icldiag.analyses.lab import Lab
from icldiag.analyses.patching.answer import Patching
from icldiag.analyses.patching.counterparts import choose
from icldiag.analyses.patching.work import Work
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.arguments import Index, Natural
from icldiag.errors import AnalysisError
from icldiag.indices import query_index
from icldiag.model.readout import Progress, step_of
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt

CELLS = 24  # that are patched exactly at first, beside the target's


@dataclass(frozen=True)
class Patch(Request[Patching]):
    """Which positions, layers and heads carry what a changed prompt does to one answer.

    Args:
        counterpart: the changed prompt; None has one chosen, see `counterparts.choose`.
        counterpart_query: its query, where it has not this one's texts.
        cells: how many cells (layer, site) are run exactly at first, beside the target's: GRID layers of each site, the
            sites with the largest estimates first. The site that carries the change then gets all its layers. None runs
            every cell, 0 none but the target's.
    """

    query: Index
    counterpart: Prompt | None = None
    counterpart_query: Index | None = None
    cells: Natural | None = CELLS
    job: ClassVar[str] = "patching"
    without_beta: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> Patch:
        query = query_index(self.query, len(bench.prompt.queries))
        if self.counterpart is None:
            return replace(self, query=query)
        there = self.counterpart.queries
        if self.counterpart_query is not None:
            place = query_index(self.counterpart_query, len(there))
        else:
            texts = bench.prompt.queries[query].texts
            places = [place for place, one in enumerate(there) if one.texts == texts] or list(range(len(there)))
            if len({there[place].texts for place in places}) > 1:
                raise AnalysisError(
                    f"the counterpart has no query with the texts of query {query + 1}; say which query is meant"
                )
            place = query if query in places else places[0]
        return replace(
            self, query=query, counterpart=self.counterpart.with_queries([there[place]]), counterpart_query=None
        )

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Patching:
        prediction = bench.ask(Predict(), progress)
        contest = contest_of(prediction, self.query)
        counterpart, chosen = self.counterpart, ""
        if counterpart is None:
            choosing = "choosing what to compare with"
            lab = Lab(bench.model, bench.encoded, bench.prefix(step_of(progress, choosing, 0, 0)))
            found = choose(
                lab, prediction, contest, lambda part, done, total: progress(f"{choosing}: tokens", done, total)
            )
            counterpart, chosen = found.prompt, found.chosen
        here = encode(bench.prompt.with_queries([bench.prompt.queries[self.query]]), *bench.model.reader)
        there = encode(replace(counterpart, calibration=None, beta=None), *bench.model.reader)
        return Work(bench, here, there, contest, self.cells, progress, each).patching(chosen)
