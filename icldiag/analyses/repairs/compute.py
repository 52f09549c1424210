"""Try repairs within a budget, rank them on held-out examples, and confirm the best on others.

One candidate is one changed prompt, calibration or beta, answered on the selection part and the prompt's queries: the
unit of the budget. Calibrations of the prompt as it is come first, for they need no further pass. Then the families of
changes take turns, asked in lists; each change is tried as it is and with the calibrations that its own answers give.
Re-weightings are trained after them, and last the best change is combined with the next best ones. After each of these
steps a new leader of the selection part is confirmed (see `search.trials`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from icldiag.analyses.overview import Overview, Summarise
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.repairs.anchors import reweightings
from icldiag.analyses.repairs.combination import combined
from icldiag.analyses.repairs.effort import TRAINED, TRIED_AS, Course, Effort
from icldiag.analyses.repairs.lead import families
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.search.calibrations import calibrations
from icldiag.analyses.search.compute import begun
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.repairs import Repairs, repairs_of
from icldiag.analyses.search.search import Search
from icldiag.analyses.search.trials import Trials
from icldiag.analyses.search.words import words_from_names
from icldiag.arguments import Count, Index, Seed
from icldiag.errors import AnalysisError
from icldiag.indices import named_query, query_index
from icldiag.model.readout import Progress, silent, step_of
from icldiag.prompt.adjustments import KINDS
from icldiag.prompt.schema import Prompt

BUDGET = 40
AT_A_TIME = 4  # changes that are asked as one list
COMBINED = 2  # changes that the budget is kept for, as for those that are trained, if it is large


@dataclass(frozen=True)
class FindRepairs(Request[Repairs]):
    """Changes that would mend the prompt, or one query of it, tried on examples that they were not made from.

    Args:
        query: the wrong query to mend; None for the prompt as a whole.
        budget: how many candidates are tried, calibrations and re-weightings among them.
        seed: cuts the examples in parts and draws what is random in the candidates.
    """

    query: Index | None = None
    budget: Count = BUDGET
    seed: Seed = 0
    job: ClassVar[str] = "repairs"
    keeps_parts: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> FindRepairs:
        return self if self.query is None else replace(self, query=mendable(bench.prompt, self.query))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Repairs:
        if self.query is not None:
            _refuse_right(bench.ask(Predict(), progress), self.query)
        search = begun(bench, progress, self.query, self.seed)
        return find_repairs(search, self.budget, lambda: bench.ask(Summarise(), progress), progress, each)


def mendable(prompt: Prompt, query: int) -> int:
    """The index of a query that a repair can be made for. Raises AnalysisError: it is not there, or has no label."""
    cure = "only one with a gold label can be repaired"
    try:
        query = query_index(query, len(prompt.queries))
    except AnalysisError as error:
        raise AnalysisError(f"{error}; {cure}") from None
    if prompt.queries[query].label is None:
        raise AnalysisError(f"{named_query(query)} has no gold label; {cure}")
    return query


def _refuse_right(prediction: Prediction, query: int) -> None:
    if not prediction.is_wrong(query):
        raise AnalysisError(f"{named_query(query)} is answered right; there is nothing to repair")


def find_repairs(
    search: Search,
    budget: int = BUDGET,
    overview: Callable[[], Overview] | None = None,
    progress: Progress = silent,
    each: Each | None = None,
) -> Repairs:
    """Try at most `budget` candidates on the prompt as it is, with the calibration and beta in force.

    Args:
        search: for its query, if it has one, candidates are made; the winner must mend it and lose nothing on others.
        overview: computes the prompt's verdict, which says what is tried first; asked for after the calibrations.
        each: told the `Repairs` so far after each step of the search.
    """
    search.progress = step_of(progress, "calibrations", 0, len(KINDS))  # whose pace says nothing of the changes'
    trials, course = Trials(search, budget), Course(progress, _effort(search, budget))
    for _ in _steps(search, trials, overview, course):
        trials.look()
        if each is not None:  # before anybody may end the search: what is confirmed is told
            each(repairs_of(trials, finished=False))
        search.progress("", 0, 0)
    course.end()
    return repairs_of(trials)


def _effort(search: Search, budget: int) -> Effort:
    parts, encoded = search.parts, search.lab.encoded
    texts = len(parts.folded) + len(parts.unlabelled) + len(encoded.queries)
    mean = sum(len(query.ids) for query in encoded.queries) / len(encoded.queries)
    return Effort.of(search.prompt, budget, texts, len(encoded.prefix) / mean)


def _steps(search: Search, trials: Trials, overview: Callable[[], Overview] | None, course: Course) -> Iterator[None]:
    """Adds to the trials, step by step."""

    def change(repairs: Sequence[Repair]) -> None:
        search.progress = course.begin(len(repairs) * course.effort.change)
        trials.change(repairs)

    trials.add(calibrations(search))
    yield
    if trials.left and (named := words_from_names(search)):
        change(named)
        yield
    if not trials.left:
        return
    verdict = None if overview is None else overview()
    search.harmful = frozenset() if verdict is None else frozenset(verdict.harmful)
    turns = _taking_turns(*(family(search) for family in families(verdict)))
    kept = min((TRAINED + COMBINED) * TRIED_AS, trials.left // 2)
    while changes := list(islice(turns, min(AT_A_TIME, max(0, trials.left - kept) // TRIED_AS))):
        change(changes)
        yield
    for repair in islice(_trained(search, course), _changes_left(trials)):
        change([repair])
        yield
    combinations: set[Hashable] = set()
    while changes := list(islice(_combinations(search, trials, combinations), _changes_left(trials))):
        change(changes)
        yield
    while changes := list(islice(turns, min(AT_A_TIME, _changes_left(trials)))):
        change(changes)
        yield


def _trained(search: Search, course: Course) -> Iterator[Repair]:
    trainings = reweightings(search)
    for _ in range(TRAINED):
        search.progress = course.begin(course.effort.training)
        yield from islice(trainings, 1)


def _changes_left(trials: Trials) -> int:
    return -(-trials.left // TRIED_AS)


def _combinations(search: Search, trials: Trials, before: set[Hashable]) -> Iterator[Repair]:
    """The best change with each of the next best ones, as far as they change different things.

    Args:
        before: those that were made before, to which these are added.
    """
    plain = {trial.repair.text: trial.repair for trial in trials.trials if trial.repair.calibration is None}
    best = [plain[trial.repair.text] for trial in trials.ranked() if trial.wins and trial.repair.text in plain]
    leader, *others = list({repair.text: repair for repair in best}.values())[: 1 + COMBINED] or [search.start]
    for other in others:
        both = combined(search.start, leader, other)
        if both is not None and both.text not in before:
            before.add(both.text)
            yield both


def _taking_turns(*families: Iterator[Repair]) -> Iterator[Repair]:
    waiting = list(families)
    while waiting:
        family = waiting.pop(0)
        repair = next(family, None)
        if repair is not None:
            waiting.append(family)
            yield repair
