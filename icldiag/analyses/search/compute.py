"""How a search begins: the labelled texts are answered, and the calibrations are tried, which need no further pass.

The overview and panel Repair show what `TryCalibrations` found, and a search for more begins with the same candidates
on the same scores: a change has the same gain everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from icldiag.analyses.lab import Lab
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.search.calibrations import calibrations
from icldiag.analyses.search.repairs import Repairs, repairs_of
from icldiag.analyses.search.search import Search, Texts
from icldiag.analyses.search.trials import Trials
from icldiag.analyses.search.words import words_from_names
from icldiag.arguments import Seed
from icldiag.model.readout import FloatArray, Progress, step_of
from icldiag.prompt.adjustments import FITTED, KINDS


@dataclass(frozen=True)
class AnswerExamples(Request[Mapping[Texts, FloatArray]]):
    """The uncalibrated label scores (C,) of all texts that calibrations are fitted on and judged by.

    Raises:
        AnalysisError: too few of them are labelled.
    """

    seed: Seed = 0
    job: ClassVar[str] = "examples"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Mapping[Texts, FloatArray]:
        search = _search(bench, progress, None, self.seed)
        if bench.prompt.calibration is None:
            prediction = bench.ask(Predict(), progress)
            asked = [query.texts for query in bench.prompt.queries]
            search.know(dict(zip(asked, prediction.scores, strict=True)))
        parts, nothing = search.parts, (*search.lab.content_free, *search.random_words())
        return search.known((*bench.prompt.queries, *parts.confirmation, *parts.unlabelled, *nothing))


@dataclass(frozen=True)
class TryCalibrations(Request[Repairs]):
    """The calibrations of the prompt as it is, and what the best of them gains; see `search.trials`.

    Where a label word is no part of its label's name, words from the names are tried too.

    Args:
        seed: cuts the examples in parts and draws the random words.

    Raises:
        AnalysisError: too few labelled examples.
    """

    seed: Seed = 0
    job: ClassVar[str] = "calibrations"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Repairs:
        search = begun(bench, progress, seed=self.seed)
        search.progress = step_of(progress, "calibrations", 0, len(KINDS))
        trials = Trials(search, len(KINDS) + 1 + len(FITTED))
        trials.add(calibrations(search))
        trials.change(words_from_names(search))
        trials.look()
        return repairs_of(trials)


def begun(bench: Workbench, progress: Progress, query: int | None = None, seed: int = 0) -> Search:
    """A search that knows the answers to the labelled texts."""
    search = _search(bench, progress, query, seed)
    search.know(bench.ask(AnswerExamples(seed), progress))
    return search


def _search(bench: Workbench, progress: Progress, query: int | None, seed: int) -> Search:
    return Search(Lab.of(bench, progress), query, seed, progress)
