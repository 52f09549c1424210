"""Try repairs within a budget, rank them on held-out examples, and confirm the best on others.

One candidate is one changed prompt, calibration or beta, answered on the selection part and the prompt's queries: the
unit of the budget. Calibrations of the prompt as it is come first, for they need no further pass. Then the families of
changes take turns, asked in lists; each change is tried as it is and with the calibrations that its own answers give.
Re-weightings are trained after them, and last the best change is combined with the next best ones. After each of these
steps a new leader of the selection part is confirmed (see `search.trials`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.effect import Effect
from icldiag.analyses.lab import Lab
from icldiag.analyses.overview import Overview, Summarise
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.repairs.anchors import reweightings
from icldiag.analyses.repairs.combination import combined
from icldiag.analyses.repairs.lead import families, harmful_demonstrations
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.search.calibrations import calibrations
from icldiag.analyses.search.partition import make_parts
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.search import Search
from icldiag.analyses.search.trials import Trial, Trials
from icldiag.errors import AnalysisError
from icldiag.indices import named_query, query_index
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import IntArray, Progress, silent, step_of
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Prompt

BUDGET = 40
TRIED_AS = 4  # a change as it is, with batch, affine and matrix calibration
AT_A_TIME = 4  # changes that are asked as one list
TRAINED, COMBINED = 2, 2  # changes that the budget is kept for, if it is large


@dataclass(frozen=True, eq=False, repr=False)
class Repairs(AnalysisResult):
    """All candidates, the best on the selection part first."""

    query: int | None  # the one to be mended, or None for the prompt as a whole
    budget: int
    seed: int
    trials: tuple[Trial, ...]
    winner: int | None  # its place in `trials`
    confirmed: Effect | None  # of choosing it, on texts that were left out of that; None without a winner
    fitting: tuple[Example, ...]
    selection: tuple[Example, ...]
    confirmation: tuple[Example, ...]  # all labelled texts, see `search.trials`
    with_queries: bool  # the first two parts hold queries of the prompt, because `examples` has too few
    gold: tuple[int | None, ...]  # of the prompt's queries
    before: IntArray  # (n,) what is answered without any repair
    tokens_before: int
    left_out: tuple[str, ...]  # candidates that this model cannot be asked, with the reason
    finished: bool = True  # False for what there was in the course of a search

    @property
    def best(self) -> Trial | None:
        """The winner."""
        return None if self.winner is None else self.trials[self.winner]

    @property
    def mender(self) -> int | None:
        """Place of the best repair that mends the query that was searched for, whatever it costs others."""
        if self.query is None:
            return None
        return next((place for place, trial in enumerate(self.trials) if self.mends(trial, self.query)), None)

    @property
    def holds(self) -> bool | None:
        """Whether choosing it gains on the texts that were left out of the choice; None where there is no winner.

        As in the selection, a query that was to be mended counts as one gained.
        """
        if self.confirmed is None:
            return None
        if self.query is not None:
            return self.confirmed.net >= 0
        return self.confirmed.net > 0

    @property
    def sure(self) -> bool:
        """Whether that gain is unlikely to be chance, the looks at these texts counted."""
        return bool(self.holds) and self.confirmed is not None and self.confirmed.sure

    def mends(self, trial: Trial, query: int) -> bool | None:
        """Whether a query that was wrong is right; None for one that was not wrong."""
        gold = self.gold[query]
        if gold is None or self.before[query] == gold:
            return None
        return bool(trial.predicted[query] == gold)


@dataclass(frozen=True)
class FindRepairs(Request[Repairs]):
    """Changes that would mend the prompt, or one query of it, tried on examples that they were not made from.

    Args:
        query: the wrong query to mend; None for the prompt as a whole.
        budget: how many candidates are tried, calibrations and re-weightings among them.
        seed: cuts the examples in parts and draws what is random in the candidates.
    """

    query: int | None = None
    budget: int = BUDGET
    seed: int = 0
    job: ClassVar[str] = "repairs"

    def resolved(self, bench: Workbench) -> FindRepairs:
        return self if self.query is None else replace(self, query=mendable(bench.prompt, self.query))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Repairs:
        return find_repairs(
            bench.model,
            bench.encoded,
            bench.prefix(progress),
            beta=bench.beta,
            query=self.query,
            budget=self.budget,
            seed=self.seed,
            prediction=bench.ask(Predict(), progress),
            overview=lambda: bench.ask(Summarise(), progress),
            progress=progress,
            each=each,
        )


def mendable(prompt: Prompt, query: int) -> int:
    """The index of a query that a repair can be made for. Raises AnalysisError: it is not there, or has no label."""
    cure = "only one with a gold label can be mended"
    try:
        query = query_index(query, len(prompt.queries))
    except AnalysisError as error:
        raise AnalysisError(f"{error}; {cure}") from None
    if prompt.queries[query].label is None:
        raise AnalysisError(f"{named_query(query)} has no gold label; {cure}")
    return query


def find_repairs(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    *,
    beta: NDArray[np.float32] | None = None,
    query: int | None = None,
    budget: int = BUDGET,
    seed: int = 0,
    prediction: Prediction | None = None,
    overview: Callable[[], Overview] | None = None,
    progress: Progress = silent,
    each: Each | None = None,
) -> Repairs:
    """Try at most `budget` candidates on the prompt as it is, with the calibration and beta in force.

    Args:
        query: candidates are then made for this query; the winner must mend it and lose nothing on the others.
        prediction: the prompt's answers, if they are there; its queries are then not asked again.
        overview: computes the prompt's verdict, which says what is tried first; asked for after the calibrations.
        each: told the `Repairs` so far after each step of the search.

    Raises:
        AnalysisError: too few labelled examples, a query that is not there, not labelled or not wrong.
    """
    prompt = encoded.prompt
    query = None if query is None else mendable(prompt, query)
    parts = make_parts(prompt, query, seed)
    search = Search(Lab(model, encoded, prefix, beta), parts, query, seed)
    if prediction is not None and prompt.calibration is None:
        search.know(prompt.queries, prediction.scores)
    search.progress = step_of(progress, "repairs", 0, budget)
    trials = Trials(search, budget)
    if query is not None and trials.before[query] == prompt.queries[query].label:
        raise AnalysisError(f"{named_query(query)} is answered right; there is nothing to mend")
    for _ in _steps(search, trials, overview):
        trials.look()
        search.progress = step_of(progress, "repairs", len(trials.trials), budget)
        search.progress("", 0, 0)
        if each is not None:
            each(_repairs(search, trials, finished=False))
    progress("repairs", len(trials.trials), len(trials.trials))
    return _repairs(search, trials, finished=True)


def _steps(search: Search, trials: Trials, overview: Callable[[], Overview] | None) -> Iterator[None]:
    """Adds to the trials, step by step."""
    trials.add(calibrations(search))
    yield
    if not trials.left:
        return
    verdict = None if overview is None else overview()
    search.harmful = harmful_demonstrations(verdict)
    turns = _taking_turns(*(family(search) for family in families(verdict)))
    kept = min((TRAINED + COMBINED) * TRIED_AS, trials.left // 2)
    while changes := list(islice(turns, min(AT_A_TIME, max(0, trials.left - kept) // TRIED_AS))):
        trials.change(changes)
        yield
    for repair in islice(reweightings(search), _changes_left(trials)):
        trials.change([repair])
        yield
    combinations: set[Hashable] = set()
    while changes := list(islice(_combinations(search, trials, combinations), _changes_left(trials))):
        trials.change(changes)
        yield
    while changes := list(islice(turns, min(AT_A_TIME, _changes_left(trials)))):
        trials.change(changes)
        yield


def _changes_left(trials: Trials) -> int:
    return -(-trials.left // TRIED_AS)


def _combinations(search: Search, trials: Trials, before: set[Hashable]) -> Iterator[Repair]:
    """The best change with each of the next best ones, as far as they change different things.

    Args:
        before: those that were made before, to which these are added.
    """
    plain = {trial.repair.text: trial.repair for trial in trials.trials if trial.repair.calibration is None}
    best = [plain[trial.repair.text] for trial in trials.ranked() if trials.wins(trial) and trial.repair.text in plain]
    leader, *others = list({repair.text: repair for repair in best}.values())[: 1 + COMBINED] or [search.start]
    for other in others:
        both = combined(search.start, leader, other)
        if both is not None and both.text not in before:
            before.add(both.text)
            yield both


def _repairs(search: Search, trials: Trials, finished: bool) -> Repairs:
    ranked, parts = trials.ranked(), search.parts
    return Repairs(
        query=search.query,
        budget=trials.budget,
        seed=search.seed,
        trials=tuple(ranked),
        winner=None if trials.winner is None else ranked.index(trials.winner),
        confirmed=trials.confirmed,
        fitting=parts.fitting,
        selection=parts.selection,
        confirmation=parts.confirmation,
        with_queries=parts.with_queries,
        gold=tuple(example.label for example in search.prompt.queries),
        before=trials.before,
        tokens_before=search.tokens(search.start),
        left_out=tuple(trials.left_out),
        finished=finished,
    )


def _taking_turns(*families: Iterator[Repair]) -> Iterator[Repair]:
    waiting = list(families)
    while waiting:
        family = waiting.pop(0)
        repair = next(family, None)
        if repair is not None:
            waiting.append(family)
            yield repair
