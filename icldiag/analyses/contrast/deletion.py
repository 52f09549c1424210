"""Are the words that a measure ranks first those that matter? They are taken out, and as many random ones beside.

The k words of the demonstrations' and the query's texts that push most towards the answer are deleted from the texts,
and the prompt is asked again: its lead then says what they were worth. As many words drawn at random from the same
texts say what taking out any words does (the deletion curve of Samek et al. 2017, arXiv 1509.06321, by words).
Template and label words stay. What a measure is worth is its whole curve's: the mean, over all k, of the nats that its
words take more than random ones, with an interval of 95 % (Student's t) over the random draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from icldiag.analyses.contrast.compute import MEASURES, Contrast, Measure, ReadContrast
from icldiag.analyses.contrast.words import without
from icldiag.analyses.estimates import Estimate
from icldiag.analyses.lab import Lab, Question
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Count, Index, Seed
from icldiag.indices import query_index
from icldiag.model.readout import FloatArray, Progress

SIZES = (1, 2, 4, 8)
DRAWS = 8


@dataclass(frozen=True, repr=False)
class Deletion(AnalysisResult):
    """The lead with k words taken out, for each k of `sizes`."""

    contrast: Contrast
    sizes: tuple[int, ...]  # empty where the texts have no two words
    candidates: int  # words that may be taken out
    words: dict[Measure, tuple[int, ...]]  # places in the contrast's words, those that push most first
    leads: dict[Measure, FloatArray]  # (sizes,) nats of the answer over the rival
    answers: dict[Measure, tuple[int, ...]]  # the label that is answered then
    random: FloatArray  # (draws, sizes) leads without as many random words, of each draw's order the first k
    seed: int

    @property
    def draws(self) -> int:
        return len(self.random)

    def more(self, measure: Measure) -> Estimate | None:
        """Nats that the measure's words take more than random ones, mean over all k; None of one draw, or no words.

        The interval is that of the mean over the draws.
        """
        if not self.sizes or self.draws < 2:
            return None
        from scipy.stats import t  # slow to import

        more = self.random.mean(axis=1) - self.leads[measure].mean()
        half = float(t.ppf(0.975, self.draws - 1) * more.std(ddof=1) / np.sqrt(self.draws))
        mean = float(more.mean())
        return Estimate(mean, mean - half, mean + half)

    @property
    def telling(self) -> tuple[Measure, ...]:
        """The measures whose words surely take more than random ones do."""
        return tuple(measure for measure in MEASURES if (more := self.more(measure)) is not None and more.low > 0)


@dataclass(frozen=True)
class DeleteWords(Request[Deletion]):
    """Take words out of one query's prompt, those that push most and random ones.

    Args:
        draws: random sets of each size.
    """

    query: Index
    draws: Count = DRAWS
    seed: Seed = 0
    job: ClassVar[str] = "deletion"

    def resolved(self, bench: Workbench) -> DeleteWords:
        return replace(self, query=query_index(self.query, len(bench.prompt.queries)))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Deletion:
        contrast = bench.ask(ReadContrast(self.query), progress)
        candidates = [place for place, word in enumerate(contrast.words) if word.removable]
        sizes = tuple(size for size in SIZES if size < len(candidates))
        order = {measure: _strongest(contrast.of_words(measure), candidates) for measure in MEASURES}
        generator = np.random.default_rng(self.seed)
        orders = [generator.permutation(candidates).tolist() for _ in range(self.draws)]
        drawn = [[tuple(order[:size]) for size in sizes] for order in orders]
        sets = [order[measure][:size] for measure in MEASURES for size in sizes] + [one for row in drawn for one in row]
        lab = Lab.of(bench, progress)

        def question(places: Sequence[int]) -> Question:
            changed = without(bench.prompt, self.query, [contrast.words[place] for place in places])
            return Question(changed, bench.beta)

        scores = np.concatenate(lab.ask([question(places) for places in sets], progress)) if sets else np.zeros((0, 1))
        leads = scores[:, contrast.answer] - scores[:, contrast.rival] if sets else np.zeros(0)
        found = leads.reshape(-1, len(sizes)) if sizes else np.zeros((len(MEASURES) + self.draws, 0))
        answers = scores.argmax(1).reshape(found.shape)
        return Deletion(
            contrast=contrast,
            sizes=sizes,
            candidates=len(candidates),
            words=order,
            leads={measure: found[row] for row, measure in enumerate(MEASURES)},
            answers={measure: tuple(answers[row].tolist()) for row, measure in enumerate(MEASURES)},
            random=found[len(MEASURES) :],
            seed=self.seed,
        )


def _strongest(weights: FloatArray, candidates: Sequence[int]) -> tuple[int, ...]:
    """Those that push most towards the answer first."""
    return tuple(sorted(candidates, key=lambda place: -weights[place]))
