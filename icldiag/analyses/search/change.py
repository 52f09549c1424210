"""What a change that is made in the prompt does to labelled texts that it was not chosen by, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from icldiag.analyses.effect import Effect, effect
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.search.compute import begun
from icldiag.arguments import Seed
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress
from icldiag.prompt.schema import Prompt


@dataclass(frozen=True)
class TryChange(Request[Effect]):
    """The prompt as it is against the same `before` it was changed; on the texts of both that are no query of it.

    Nothing is fitted on these texts, and a cause of one query's answer is not chosen by them. What a search or the
    overview asks of either prompt are the same questions: who has asked them needs no further pass.

    Raises:
        AnalysisError: too few labelled texts, or none but the queries.
    """

    before: Prompt
    seed: Seed = 0
    job: ClassVar[str] = "held-out texts"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Effect:
        now = begun(bench, progress, seed=self.seed)
        queries = {query.texts for query in bench.prompt.queries}
        there = {text.texts: text for text in now.parts.confirmation if text.texts not in queries}
        if not there:
            raise AnalysisError("every labelled text is a query; add some to 'examples', better 20 of each label")
        before = begun(bench.with_prompt(self.before), progress, seed=self.seed)
        texts = [there[text.texts] for text in before.parts.confirmation if text.texts in there]
        (old,), (new,) = (search.scores(search.start, texts) for search in (before, now))
        return effect(old, new, [text.label for text in texts])
