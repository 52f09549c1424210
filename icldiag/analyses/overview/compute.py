"""The prompt's verdict: all its queries at once, and what to do next.

Four requests, so that who needs little waits little: `MeasureLean` asks some 60 short texts, `Judge` makes an
`Overview` of them and of the predictions, `Perturb` asks a sample of the queries after other demonstrations, and
`Summarise` adds these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from icldiag.analyses.lab import Lab
from icldiag.analyses.measures import Measures, labelled, measures
from icldiag.analyses.overview.causes import PromptCause, prompt_causes
from icldiag.analyses.overview.doubts import Doubt, doubts
from icldiag.analyses.overview.lean import Lean, Prior, lean, priors
from icldiag.analyses.overview.recency import Recency, recency
from icldiag.analyses.overview.separability import Separability, separability
from icldiag.analyses.overview.stability import QUERIES, Stability, stability
from icldiag.analyses.overview.verdict import Verdict, verdict_of
from icldiag.analyses.overview.writing import Writing, writing
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.analyses.search.compute import TryCalibrations
from icldiag.analyses.search.repairs import Repairs
from icldiag.arguments import Count, Seed
from icldiag.errors import AnalysisError
from icldiag.indices import query_index
from icldiag.model.readout import FloatArray, IntArray, Progress
from icldiag.prompt.same_texts import same_text_warnings


@dataclass(frozen=True, repr=False)
class Overview(AnalysisResult):
    """n queries, C classes. `lean`, `repairs` and `stability` are None while they are computed (see `Summarise`)."""

    labels: tuple[str, ...]
    gold: tuple[int | None, ...]
    predicted: IntArray  # (n,)
    scores: FloatArray  # (n, C)
    shown: tuple[int, ...]  # class of every demonstration
    measures: Measures | None  # None where no gold label is known
    separability: Separability | None  # None where the queries have fewer than two gold labels
    writing: Writing
    lean: Lean | None = None
    repairs: Repairs | None = None  # the calibrations and what the best of them gains
    unrepaired: str = ""  # why that is not known
    stability: Stability | None = None  # stays None where there are no demonstrations
    seed: int = 0
    outscored: tuple[tuple[int, int], ...] = ()  # labels that can never win, and those that always score higher
    same_texts: tuple[str, ...] = ()  # of demonstrations that are queries, or have two labels

    @property
    def answered(self) -> IntArray:
        """(C,) how often each label is the answer."""
        return np.bincount(self.predicted, minlength=len(self.labels))

    @property
    def counts(self) -> IntArray:
        """(C, C) labelled queries by gold label (row) and answer (column)."""
        table = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for query in labelled(self.gold):
            table[self.gold[query], self.predicted[query]] += 1
        return table

    @property
    def tied(self) -> bool:
        """Whether the highest score of every query is that of several labels, so that their order answers."""
        highest = np.sort(self.scores, axis=1)[:, -2:]
        return bool((highest[:, 0] == highest[:, 1]).all())

    @cached_property
    def verdict(self) -> Verdict:
        """What is wrong with the prompt as a whole, as far as it is computed."""
        return verdict_of(self)

    @cached_property
    def recency(self) -> Recency | None:
        """Whether the class that is shown last is answered; None where that was not or cannot be seen."""
        return None if self.stability is None else recency(self.stability)

    @property
    def favours_last(self) -> bool:
        """Whether the class that is shown last is answered more often than chance has it."""
        return self.recency is not None and self.recency.sure

    @property
    def orders_first(self) -> bool:
        """Whether other orders are worth trying first: the class shown last is favoured, and one of the orders that
        were tried answers more of the sample right. Where every order answers its last class alone, none does.
        """
        found = self.stability
        if found is None or not self.favours_last:
            return False
        own, *others = (found.accuracy(run) for run in (found.predicted, *(order.predicted for order in found.orders)))
        return own is not None and any(other is not None and other > own for other in others)

    @cached_property
    def causes(self) -> tuple[PromptCause, ...]:
        """What in the prompt its answers come from; empty where nothing is sure, or it is not computed."""
        if self.stability is None:
            return ()
        return prompt_causes(self.stability, self.shown, self.recency, self.verdict.label)

    @cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """Demonstrations whose texts read like another class's, the surest first; empty while it is not computed."""
        return () if self.stability is None else doubts(self.stability)

    @property
    def harmful(self) -> tuple[int, ...]:
        """Places of the demonstrations that stand out as harmful; none where none does or it is not computed."""
        found = self.stability
        return () if found is None or found.harmful is None else found.left_out[found.harmful].without

    def explains(self, query: int) -> bool | None:
        """Whether the verdict explains a wrong answer: its label is answered,
        and the calibration that undoes the lean, which was not fitted on this query, answers the gold label.

        None where the query is not wrong or has no gold label, or the lean is not computed.

        Raises:
            AnalysisError: there is no such query.
        """
        query = query_index(query, len(self.predicted))
        gold, answer = self.gold[query], int(self.predicted[query])
        if gold is None or gold == answer or self.lean is None:
            return None
        undone = self.verdict.hidden_by
        return answer == self.verdict.label and undone is not None and int(undone.predicted[query]) == gold


@dataclass(frozen=True)
class MeasureLean(Request[Lean]):
    """The label prior, measured in three ways, and the answers that each calibration would give."""

    seed: Seed = 0
    job: ClassVar[str] = "lean"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Lean:
        prediction = bench.ask(Predict(), progress)
        return lean(Lab.of(bench, progress), prediction, self.seed, progress)


@dataclass(frozen=True)
class MeasurePriors(Request[tuple[Prior, ...]]):
    """The label prior alone, measured in the same ways, with the calibration in force."""

    seed: Seed = 0
    job: ClassVar[str] = "priors"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> tuple[Prior, ...]:
        known = bench.peek(MeasureLean(self.seed))
        prediction = bench.ask(Predict(), progress)
        return priors(Lab.of(bench, progress), prediction, self.seed, progress) if known is None else known.priors


@dataclass(frozen=True)
class Perturb(Request[Stability]):
    """A sample of the queries after the demonstrations in other orders, and without some of them.

    `each` is told the `LeftOutSoFar`, row by row.

    Args:
        queries: how many; None for all.
        seed: draws them and the orders.
    """

    queries: Count | None = QUERIES
    seed: Seed = 0
    job: ClassVar[str] = "stability"
    of_demonstrations: ClassVar[bool] = True

    def resolved(self, bench: Workbench) -> Perturb:
        most = len(labelled([query.label for query in bench.prompt.queries])) or len(bench.prompt.queries)
        return replace(self, queries=None if self.queries is None or self.queries >= most else self.queries)

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Stability:
        prediction = bench.ask(Predict(), progress)
        return stability(Lab.of(bench, progress), prediction, self.queries, self.seed, progress, each=each)


@dataclass(frozen=True)
class ReadAnswers(Request[Overview]):
    """What the predictions alone tell; no pass is run for it."""

    seed: Seed = 0
    job: ClassVar[str] = "answers"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Overview:
        return first_lines(bench, bench.ask(Predict(), progress), self.seed)


@dataclass(frozen=True)
class Judge(Request[Overview]):
    """The verdict by predictions and lean alone, without changed demonstrations. `each` is told it without the lean."""

    seed: Seed = 0
    job: ClassVar[str] = "verdict"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Overview:
        found = bench.ask(ReadAnswers(self.seed), progress)
        if each is not None:
            each(found)
        return replace(found, lean=bench.ask(MeasureLean(self.seed), _named(progress, "lean")))


@dataclass(frozen=True)
class Summarise(Request[Overview]):
    """The prompt's verdict. `each` is told the overview so far: without lean, repairs and stability, then with them one
    by one.

    Args:
        queries: of the sample that is asked after changed demonstrations; None for all.
        seed: of the sample, the orders, the random texts, the halves and the bootstrap.
    """

    queries: Count | None = QUERIES
    seed: Seed = 0
    job: ClassVar[str] = "overview"

    def resolved(self, bench: Workbench) -> Summarise:
        return replace(self, queries=Perturb(self.queries, self.seed).resolved(bench).queries)

    def so_far(self, bench: Workbench) -> Overview | None:
        found = bench.peek(ReadAnswers(self.seed))
        return found and replace(
            found,
            lean=bench.peek(MeasureLean(self.seed)),
            repairs=bench.peek(TryCalibrations(self.seed)),
            stability=bench.peek(Perturb(self.queries, self.seed)),
        )

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Overview:
        found = bench.ask(Judge(self.seed), progress, each)
        if each is not None:
            each(found)
        found = self._with_repairs(found, bench, progress)
        if each is not None:
            each(found)
        if not bench.prompt.demonstrations:
            return found
        request = Perturb(self.queries, self.seed)
        return replace(found, stability=bench.ask(request, _named(progress, "stability")))

    def _with_repairs(self, found: Overview, bench: Workbench, progress: Progress) -> Overview:
        try:
            return replace(found, repairs=bench.ask(TryCalibrations(self.seed), _named(progress, "calibrations")))
        except AnalysisError as error:
            return replace(found, unrepaired=str(error))


def _named(progress: Progress, part: str) -> Progress:
    return lambda what, done, total: progress(f"overview: {part}", done, total)


def first_lines(bench: Workbench, prediction: Prediction, seed: int = 0) -> Overview:
    """What the predictions alone tell, without another pass."""
    decode = bench.model.tokenizer.decode
    firsts = {str(decode([ids[0]], clean_up_tokenization_spaces=False)) for ids in bench.encoded.label_tokens}
    return Overview(
        labels=prediction.labels,
        gold=prediction.gold,
        predicted=prediction.predicted,
        scores=prediction.scores,
        shown=tuple(demonstration.label_class for demonstration in bench.encoded.demonstrations),
        measures=measures(prediction.predicted, prediction.gold, len(prediction.labels), seed),
        separability=separability(prediction, seed),
        writing=writing(prediction, firsts),
        seed=seed,
        outscored=bench.encoded.outscored if bench.prompt.calibration is None else (),  # which may lift one above
        same_texts=tuple(same_text_warnings(bench.prompt)),
    )
