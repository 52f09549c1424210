"""Try repairs within a budget, rank them on held-out examples, and confirm the best on others.

One candidate is one changed prompt, calibration or beta, answered on the selection part and the prompt's queries: the
unit of the budget. Calibrations and re-weightings come first, then the other families take turns; the last three are
the calibrations on top of the best of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.lab import Lab
from icldiag.analyses.repairs.anchors import reweightings
from icldiag.analyses.repairs.calibrations import calibrations
from icldiag.analyses.repairs.demonstrations import deletions, replacements
from icldiag.analyses.repairs.effect import Effect, effect
from icldiag.analyses.repairs.order import orders
from icldiag.analyses.repairs.partition import make_parts
from icldiag.analyses.repairs.repair import Repair
from icldiag.analyses.repairs.search import Search
from icldiag.analyses.repairs.words import words
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.errors import AnalysisError, PromptError
from icldiag.indices import named_query, query_index
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import IntArray, Progress, silent, step_of
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Prompt

BUDGET = 40
RESERVED = 3  # of the budget, for the calibrations on top of the best of the others


@dataclass(frozen=True, eq=False)
class Trial:
    """One repair and what it did. Places in `selection` count in `Repairs.selection`, those in `queries` queries."""

    repair: Repair
    selection: Effect
    queries: Effect  # the prompt's labelled queries, less those that repairs were fitted on
    predicted: IntArray  # (n,) label of every query of the prompt afterwards
    tokens: int  # that the demonstrations take afterwards

    @property
    def rank(self) -> tuple[float, float]:
        """Smaller is better: the net gain on the selection part; of equals the more probable gold labels."""
        return -self.selection.net, -self.selection.likelihood_gain


@dataclass(frozen=True, eq=False, repr=False)
class Repairs(AnalysisResult):
    """All candidates, the best on the selection part first."""

    query: int | None  # the one to be mended, or None for the prompt as a whole
    budget: int
    seed: int
    trials: tuple[Trial, ...]
    winner: int | None  # its place in `trials`
    confirmed: Effect | None  # of the winner, on the confirmation part; None without a winner or with too few examples
    fitting: tuple[Example, ...]
    selection: tuple[Example, ...]
    confirmation: tuple[Example, ...]
    with_queries: bool  # the three parts hold queries of the prompt, because `examples` has too few
    gold: tuple[int | None, ...]  # of the prompt's queries
    before: IntArray  # (n,) what is answered without any repair
    tokens_before: int
    left_out: tuple[str, ...]  # candidates that this model cannot be asked, with the reason

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
        """Whether the winner gains on the confirmation part too; None where there is no winner or no such part.

        As in the selection, a query that was to be mended counts as one gained.
        """
        return None if self.confirmed is None else self.confirmed.net + (self.query is not None) > 0

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
            progress=progress,
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
    progress: Progress = silent,
) -> Repairs:
    """Try at most `budget` candidates on the prompt as it is, with the calibration and beta in force.

    Args:
        query: candidates are then made for this query; the winner must mend it and lose nothing on the others.

    Raises:
        AnalysisError: too few labelled examples, a query that is not there, not labelled or not wrong.
    """
    prompt = encoded.prompt
    query = None if query is None else mendable(prompt, query)
    parts = make_parts(prompt, query, seed)
    search = Search(Lab(model, encoded, prefix, beta), parts, query, seed)
    search.progress = step_of(progress, "repairs", 0, budget)
    trying = _Trying(search, budget)
    if query is not None and trying.before[query] == prompt.queries[query].label:
        raise AnalysisError(f"{named_query(query)} is answered right; there is nothing to mend")
    for repair in _candidates(search, trying):
        if len(trying.trials) >= budget:
            break
        search.progress = step_of(progress, "repairs", len(trying.trials), budget)
        search.progress("", 0, 0)
        trying.add(repair)
    ranked = sorted(trying.trials, key=lambda trial: trial.rank)
    winner = next((place for place, trial in enumerate(ranked) if _wins(trial, query, prompt.queries)), None)
    confirmed = None
    if winner is not None and parts.confirmation:
        confirmed = trying.effect_on(ranked[winner].repair, parts.confirmation)
    progress("repairs", len(ranked), len(ranked))
    return Repairs(
        query=query,
        budget=budget,
        seed=seed,
        trials=tuple(ranked),
        winner=winner,
        confirmed=confirmed,
        fitting=parts.fitting,
        selection=parts.selection,
        confirmation=parts.confirmation,
        with_queries=parts.with_queries,
        gold=tuple(example.label for example in prompt.queries),
        before=trying.before,
        tokens_before=search.tokens(search.start),
        left_out=tuple(trying.left_out),
    )


def _candidates(search: Search, trying: _Trying) -> Iterator[Repair]:
    yield from calibrations(search)
    yield from reweightings(search)
    turns = _taking_turns(deletions(search), replacements(search), words(search), orders(search))
    while len(trying.trials) < trying.budget - RESERVED and (repair := next(turns, None)) is not None:
        yield repair
    others = [trial for trial in trying.trials if trial.repair.calibration is None and trial.selection.net > 0]
    if others:
        yield from calibrations(search, min(others, key=lambda trial: trial.rank).repair)
    yield from turns


def _taking_turns(*families: Iterator[Repair]) -> Iterator[Repair]:
    waiting = list(families)
    while waiting:
        family = waiting.pop(0)
        repair = next(family, None)
        if repair is not None:
            waiting.append(family)
            yield repair


def _wins(trial: Trial, query: int | None, queries: Sequence[Example]) -> bool:
    if query is None:
        return trial.selection.net > 0
    return bool(trial.predicted[query] == queries[query].label) and trial.selection.net >= 0


class _Trying:
    """The answers before any repair, and the trials so far."""

    def __init__(self, search: Search, budget: int) -> None:
        self.search, self.budget = search, budget
        self.trials: list[Trial] = []
        self.left_out: list[str] = []
        prompt, parts = search.prompt, search.parts
        fitted = {example.text for example in parts.fitting} | set(parts.unlabelled)
        self.counted = [None if query.text in fitted else query.label for query in prompt.queries]
        self.before = search.scores(search.start, prompt.queries, parts.selection)[0].argmax(1)

    def add(self, repair: Repair) -> None:
        """Answer the queries and the selection part."""
        search = self.search
        try:
            queries, selection = search.scores(repair, search.prompt.queries, search.parts.selection)
            tokens = search.tokens(repair)
        except PromptError as error:
            self.left_out.append(f"{repair.name}: {error.message}")
            return
        before, selection_before = search.scores(search.start, search.prompt.queries, search.parts.selection)
        self.trials.append(
            Trial(
                repair=repair,
                selection=effect(selection_before, selection, [example.label for example in search.parts.selection]),
                queries=effect(before, queries, self.counted),
                predicted=queries.argmax(1),
                tokens=tokens,
            )
        )

    def effect_on(self, repair: Repair, examples: Sequence[Example]) -> Effect:
        """What a repair does to other labelled texts."""
        (before,), (after,) = (self.search.scores(each, examples) for each in (self.search.start, repair))
        return effect(before, after, [example.label for example in examples])
