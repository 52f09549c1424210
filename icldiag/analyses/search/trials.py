"""What was tried so far, and the best of it that was confirmed: an answer at any time of the search.

The best candidate is chosen by its gain on the selection part, and on the fitting part where nothing was made from its
texts; of calibrations that are fitted to the same prompt, it is the most general that gains. The choice is confirmed by
nested cross-validation (Stone 1974): without each fold it is made again, among candidates fitted without it, and what
is chosen answers the fold's texts. What the folds gained and lost is pooled. So every labelled text confirms, and none
by what it was in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from icldiag.analyses.effect import Effect, effect
from icldiag.analyses.search.calibrations import Candidate, fitted_calibrations, unfitted
from icldiag.analyses.search.partition import FOLDS
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.search import Search
from icldiag.errors import PromptError
from icldiag.model.readout import IntArray
from icldiag.private import OMITTED
from icldiag.prompt.adjustments import FITTED


@dataclass(frozen=True, eq=False)
class Trial:
    """One repair and what it did. Places in `selection` count in `Repairs.selection`, those in `queries` queries."""

    repair: Repair
    selection: Effect  # each text answered by a fit without its fold
    wins: bool  # whether it gains on what it can be judged by; for one query, mends it and loses nothing
    queries: Effect  # the prompt's labelled queries, less those that repairs were fitted on
    predicted: IntArray  # (n,) label of every query of the prompt afterwards
    tokens: int  # that the demonstrations take afterwards
    #: By token, which give its answers to a server; or why none can.
    logit_bias: Mapping[int, float] | str = field(metadata=OMITTED)

    @property
    def rank(self) -> tuple[float, float]:
        """Smaller is better."""
        return rank(self.selection)


@dataclass(frozen=True, eq=False)
class _Judged:
    """A trial, and what it does to the texts that it can be judged by: all, and all without each fold.

    That is the selection part, and the fitting part too where nothing was made from its texts.
    """

    trial: Trial
    candidate: Candidate
    every: Effect
    without: tuple[Effect, ...]  # (FOLDS,)
    mends: tuple[bool | None, ...]  # (FOLDS,) the failed query, if there is one


def rank(effect: Effect) -> tuple[float, float]:
    """Smaller is better: the gain, each class counting alike; of equals the more probable gold labels."""
    return -round(effect.balanced_gain, 9), -effect.likelihood_gain


def wins(judged: Effect, mends: bool | None = None) -> bool:
    """Whether it gains on these texts; for one query, whether it mends it and loses nothing on them."""
    if mends is None:
        return judged.balanced_gain > 0 and judged.net > 0
    return mends and judged.net >= 0


def _choice(able: Mapping[_Judged, Effect]) -> _Judged | None:
    """The best of these by their effects, or a more general calibration of the same prompt.

    How far a fit leaves the less general one is chosen by the texts already (its penalty). To choose between them once
    more, by how many of a few texts each answers right, adds noise: docs/repairs.md has what that cost.
    """
    best = min(able, key=lambda one: rank(able[one]), default=None)
    if best is None or best.trial.repair.calibration is None:
        return best
    alike = [one for one in able if one.trial.repair.text == best.trial.repair.text]
    return max([best, *alike], key=_generality)


def _generality(one: _Judged) -> int:
    calibration = one.trial.repair.calibration
    return FITTED.index(calibration.kind) if calibration is not None and calibration.kind in FITTED else -1


class Trials:
    """The answers before any repair, the trials so far, and the looks at what confirms."""

    def __init__(self, search: Search, budget: int) -> None:
        self.search, self.budget = search, budget
        self.left_out = list(search.left_out)
        self.winner: Trial | None = None
        self.confirmed: Effect | None = None
        self._judged: list[_Judged] = []
        self._looked: list[Trial] = []
        prompt, parts = search.prompt, search.parts
        fitted = {example.text for example in parts.folded} | {example.text for example in parts.unlabelled}
        self.counted = [None if query.text in fitted else query.label for query in prompt.queries]
        search.ask([search.start], prompt.queries, parts.fitting, parts.selection, parts.others)
        self.before = search.scores(search.start, prompt.queries)[0].argmax(1)
        self._folds = parts.folds
        self._gold = [example.label for example in parts.folded]
        self._before = unfitted(search, search.start, made_of_fitting=False).answers[0]
        self._selected = np.arange(len(parts.fitting), len(parts.folded))

    @property
    def trials(self) -> list[Trial]:
        return [one.trial for one in self._judged]

    @property
    def left(self) -> int:
        """Of the budget."""
        return self.budget - len(self._judged)

    def add(self, candidates: Iterable[Candidate]) -> None:
        """As many of them as the budget has left."""
        search, queries, selected = self.search, self.search.prompt.queries, self._selected
        (before,) = search.scores(search.start, queries)
        for candidate in candidates:
            if not self.left:
                return
            (after,) = search.scores(candidate.repair, queries)
            own = candidate.answers[self._folds, np.arange(len(self._folds))]  # without each text's fold alone
            judged = selected if candidate.made_of_fitting else np.arange(len(self._folds))
            predicted, every = after.argmax(1), self._effect(own, judged)
            trial = Trial(
                repair=candidate.repair,
                selection=self._effect(own, selected),
                wins=wins(every, self._mends(predicted)),
                queries=effect(before, after, self.counted),
                predicted=predicted,
                tokens=search.tokens(candidate.repair),
                logit_bias=search.logit_bias(candidate.repair),
            )
            without = tuple(
                self._effect(answers, judged[self._folds[judged] != fold])
                for fold, answers in enumerate(candidate.answers)
            )
            mends: tuple[bool | None, ...] = (None,) * FOLDS
            if search.query is not None:
                gold = queries[search.query].label
                mends = tuple(bool(answers[-1].argmax() == gold) for answers in candidate.answers)
            self._judged.append(_Judged(trial, candidate, every, without, mends))

    def _effect(self, answers: np.ndarray, places: IntArray) -> Effect:
        return effect(self._before[places], answers[places], [self._gold[place] for place in places])

    def change(self, repairs: Sequence[Repair]) -> None:
        """Ask changed prompts as a list, and try each as it is and with the calibrations that come free with it."""
        search, parts = self.search, self.search.parts
        texts = (parts.fitting, parts.selection, parts.unlabelled, search.prompt.queries)
        askable, tried = [], {trial.repair.text for trial in self.trials}
        for repair in repairs:
            if repair.text in tried:
                continue
            try:
                search.encode(repair, [text for group in texts for text in group])
            except PromptError as error:
                self.left_out.append(f"{repair.name}: {error.message}")
            else:
                askable.append(repair)
        search.ask(askable, *texts)
        for repair in askable:
            made = repair.family not in ("retrieval", "chat", "names")  # these show no text to itself
            self.add([unfitted(search, repair, made)])
            self.add(fitted_calibrations(search, repair, made))

    def _mends(self, predicted: IntArray) -> bool | None:
        query = self.search.query
        return None if query is None else bool(predicted[query] == self.search.prompt.queries[query].label)

    def ranked(self) -> list[Trial]:
        """The winner first, then the best on the selection part."""
        return sorted(self.trials, key=lambda trial: (trial is not self.winner, *trial.rank))

    def look(self) -> None:
        """Confirm the leader, if that is a new one; it wins if it gains no less than the last."""
        chosen = _choice({one: one.every for one in self._judged if one.trial.wins})
        if chosen is None or chosen.trial in self._looked:
            return
        leader = chosen.trial
        self._looked.append(leader)
        found = self._confirm(leader.repair)
        last = self.confirmed
        if last is None or (found.balanced_gain >= last.balanced_gain and found.sure >= last.sure):
            self.winner, self.confirmed = leader, found

    def _confirm(self, leader: Repair) -> Effect:
        """What choosing and fitting gains on the texts that were left out of both; places count in `confirmation`.

        A text of the fitting part is not counted where what is chosen without its fold was made from that part.
        """
        search, rows = self.search, np.arange(len(self._folds))
        after, gold = self._before.copy(), list(self._gold)
        for fold in range(FOLDS):
            without = {one: one.without[fold] for one in self._judged}
            able = {one: effect for one, effect in without.items() if wins(effect, one.mends[fold])}
            chosen = _choice(able)
            if chosen is None:
                continue
            own = rows[self._folds == fold]
            after[own] = chosen.candidate.answers[fold, own]
            if chosen.candidate.made_of_fitting:
                for row in own[own < self._selected[0]]:
                    gold[row] = None
        others_before, others_after = (search.scores(each, search.parts.others)[0] for each in (search.start, leader))
        before = np.concatenate([self._before[rows], others_before])
        gold += [example.label for example in search.parts.others]
        return effect(before, np.concatenate([after[rows], others_after]), gold, len(self._looked))
