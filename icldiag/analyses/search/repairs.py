"""The answer of a search: all that was tried, and what of it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.effect import Effect
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.search.trials import Trial, Trials
from icldiag.model.readout import IntArray
from icldiag.prompt.schema import Example


@dataclass(frozen=True, eq=False, repr=False)
class Repairs(AnalysisResult):
    """All candidates: the winner, then the best on the selection part."""

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
    calibration: str | None = None  # the kind in force without any repair, in whose place others were tried
    finished: bool = True  # False for what there was in the course of a search
    queries: int = 0  # of `confirmation`, that are queries of the prompt

    @property
    def best(self) -> Trial | None:
        """The winner."""
        return None if self.winner is None else self.trials[self.winner]

    @property
    def calibrations(self) -> tuple[Trial, ...]:
        """Those of the prompt as it is."""
        return tuple(trial for trial in self.trials if trial.repair.family == "calibration")

    @property
    def named(self) -> Trial | None:
        """Words from the labels' names, as they are; None where all label words are like these."""
        found = (trial for trial in self.trials if trial.repair.family == "names")
        return next(found, None)

    @property
    def uneven(self) -> bool:
        """Whether labels have different numbers of texts, so that the net gain is not what ranks the repairs."""
        effects = [trial.selection for trial in self.trials if trial.selection.count]
        return any(abs(effect.balanced_gain - effect.net / effect.count) > 1e-9 for effect in effects)

    @property
    def chosen_first(self) -> bool:
        """Whether the winner stands before one that gains more: its rank is then not by its gain."""
        gains = [round(trial.selection.balanced_gain, 9) for trial in self.trials]
        return self.winner == 0 and gains[0] < max(gains)

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

    def gold_of(self, query: int) -> int | None:
        """The right label of a query; None where it is not known, or the query was asked later."""
        return self.gold[query] if query < len(self.gold) else None

    def mends(self, trial: Trial, query: int) -> bool | None:
        """Whether a query that was wrong is right; None for one that was not wrong."""
        gold = self.gold_of(query)
        if gold is None or self.before[query] == gold:
            return None
        return bool(trial.predicted[query] == gold)


def repairs_of(trials: Trials, finished: bool = True) -> Repairs:
    """What there is so far."""
    search = trials.search
    ranked, parts = trials.ranked(), search.parts
    asked = {query.texts for query in search.prompt.queries}
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
        calibration=None if search.start.calibration is None else search.start.calibration.kind,
        finished=finished,
        queries=sum(text.texts in asked for text in parts.confirmation),
    )
