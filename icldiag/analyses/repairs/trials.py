"""What was tried so far, and the best of it that was confirmed: an answer at any time of the search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from icldiag.analyses.effect import Effect, effect
from icldiag.analyses.repairs.calibrations import Candidate, fitted_calibrations
from icldiag.analyses.repairs.repair import Repair
from icldiag.analyses.repairs.search import Search
from icldiag.errors import PromptError
from icldiag.model.readout import IntArray
from icldiag.prompt.schema import Example


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
        """Smaller is better: the gain on the selection part, each class counting alike; of equals the more probable
        gold labels."""
        return -round(self.selection.balanced_gain, 9), -self.selection.likelihood_gain


def wins(trial: Trial, query: int | None, queries: Sequence[Example]) -> bool:
    """Whether it gains on the selection part; for one query, whether it mends it and loses nothing there."""
    if query is None:
        return trial.selection.balanced_gain > 0 and trial.selection.net > 0
    return bool(trial.predicted[query] == queries[query].label) and trial.selection.net >= 0


def p_of_choice(winner: Trial, compared: Sequence[Trial]) -> float:
    """The winner's p on the selection part, corrected for all that were compared there (Bonferroni)."""
    return min(1.0, winner.selection.p_value * len(compared))


class Trials:
    """The answers before any repair, the trials so far, and the looks at the confirmation part."""

    def __init__(self, search: Search, budget: int) -> None:
        self.search, self.budget = search, budget
        self.trials: list[Trial] = []
        self.left_out: list[str] = []
        self.winner: Trial | None = None
        self.confirmed: Effect | None = None
        self._looked: list[Trial] = []
        prompt, parts = search.prompt, search.parts
        fitted = {example.text for example in (*parts.fitting, *parts.selection)} | set(parts.unlabelled)
        self.counted = [None if query.text in fitted else query.label for query in prompt.queries]
        search.ask([search.start], prompt.queries, parts.fitting, parts.selection, parts.confirmation)
        self.before = search.scores(search.start, prompt.queries)[0].argmax(1)

    @property
    def left(self) -> int:
        """Of the budget."""
        return self.budget - len(self.trials)

    def add(self, candidates: Iterable[Candidate]) -> None:
        """As many of them as the budget has left."""
        search, queries = self.search, self.search.prompt.queries
        before, selection_before = search.scores(search.start, queries, search.parts.selection)
        gold = [example.label for example in search.parts.selection]
        for candidate in candidates:
            if not self.left:
                return
            (after,) = search.scores(candidate.repair, queries)
            trial = Trial(
                repair=candidate.repair,
                selection=effect(selection_before, candidate.selection, gold),
                queries=effect(before, after, self.counted),
                predicted=after.argmax(1),
                tokens=search.tokens(candidate.repair),
            )
            self.trials.append(trial)

    def change(self, repairs: Sequence[Repair]) -> None:
        """Ask changed prompts as a list, and try each as it is and with the calibrations that come free with it."""
        search, parts = self.search, self.search.parts
        unlabelled = tuple(Example(text, None) for text in parts.unlabelled)
        texts = (parts.fitting, parts.selection, unlabelled, search.prompt.queries)
        askable = []
        for repair in repairs:
            try:
                search.encode(repair, [text for group in texts for text in group])
            except PromptError as error:
                self.left_out.append(f"{repair.name}: {error.message}")
            else:
                askable.append(repair)
        search.ask(askable, *texts)
        for repair in askable:
            self.add([Candidate(repair, search.scores(repair, parts.selection)[0])])
            self.add(fitted_calibrations(search, repair))

    def wins(self, trial: Trial) -> bool:
        return wins(trial, self.search.query, self.search.prompt.queries)

    def ranked(self) -> list[Trial]:
        """The best on the selection part first."""
        return sorted(self.trials, key=lambda trial: trial.rank)

    def look(self) -> None:
        """Confirm the leader of the selection part, if that is a new one; it wins if it gains no less than the last."""
        leader = next(filter(self.wins, self.ranked()), None)
        if leader is None or leader in self._looked:
            return
        self._looked.append(leader)
        confirmation = self.search.parts.confirmation
        if not confirmation:
            self.winner = leader
            return
        found = self.effect_on(leader.repair, confirmation, len(self._looked))
        last = self.confirmed
        if last is None or (found.balanced_gain >= last.balanced_gain and found.sure >= last.sure):
            self.winner, self.confirmed = leader, found

    def effect_on(self, repair: Repair, examples: Sequence[Example], looks: int = 0) -> Effect:
        """What a repair does to other labelled texts."""
        (before,), (after,) = (self.search.scores(each, examples) for each in (self.search.start, repair))
        return effect(before, after, [example.label for example in examples], looks)
