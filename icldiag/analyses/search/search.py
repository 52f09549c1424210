"""A search for repairs: the lab, the labelled parts, and the answers of every changed prompt, read at most once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import compress

import numpy as np

from icldiag.analyses.calibration import calibrated, random_queries
from icldiag.analyses.lab import Lab, Question
from icldiag.analyses.search.biases import label_biases
from icldiag.analyses.search.neighbours import Neighbours
from icldiag.analyses.search.partition import make_parts
from icldiag.analyses.search.repair import Repair, as_it_is
from icldiag.counting import counted
from icldiag.errors import AnalysisError
from icldiag.model.readout import FloatArray, Progress, Readout, read_queries, silent
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.fitting import beyond
from icldiag.prompt.schema import Example

Texts = tuple[str, ...]  # of an example, in the order of the template's fields


class Search:
    """Candidates for the lab's prompt, or for one `query` of it. Raises AnalysisError: too few labelled texts."""

    def __init__(self, lab: Lab, query: int | None = None, seed: int = 0, progress: Progress = silent) -> None:
        self.lab, self.query, self.seed = lab, query, seed
        self.model, self.prompt = lab.model, lab.prompt
        fits = [not over for over in beyond(lab.prompt, lab.prompt.examples, lab.model.reader)]
        examples = tuple(compress(lab.prompt.examples, fits))
        self.parts = make_parts(replace(lab.prompt, examples=examples), query, seed)
        long = counted(len(fits) - len(examples), "example")
        self.left_out = [] if all(fits) else [f"{long}: longer, with the demonstrations, than the context window"]
        self.start = as_it_is(lab.prompt, lab.beta)
        self.harmful: frozenset[int] = frozenset()  # places of demonstrations that the overview names
        self.whole = lab.prompt.whole_words
        self.progress = progress  # asked between layers whether to go on
        self._raw: dict[Hashable, dict[Texts, FloatArray]] = {}  # by changed prompt and text, before any calibration

    def random_words(self) -> tuple[Example, ...]:
        """Queries of words drawn from the fitting part and the unlabelled texts; none without any."""
        examples = (*self.parts.fitting, *self.parts.unlabelled)
        return self.lab.fitting(random_queries(self.prompt, examples, self.seed)) if examples else ()

    @property
    def judged(self) -> tuple[Example, ...]:
        """What candidates are judged by: the fitting part, the selection part and, last, the failed query."""
        return (*self.parts.folded, *(() if self.query is None else (self.prompt.queries[self.query],)))

    def judged_raw(self, repair: Repair) -> FloatArray:
        """(n, C) label scores of `judged`."""
        fitting, selection, queries = self.raw(repair, self.parts.fitting, self.parts.selection, self.prompt.queries)
        failed = queries[:0] if self.query is None else queries[[self.query]]
        return np.concatenate([fitting, selection, failed])

    def scores(self, repair: Repair, *groups: Sequence[Example]) -> list[FloatArray]:
        """Label scores, (n, C) per group of texts, with the repair's calibration in force.

        Raises:
            PromptError: the changed prompt cannot be asked of this model.
        """
        return [
            calibrated(raw, repair.calibration, self.whole, self.shares(repair, group))
            for raw, group in zip(self.raw(repair, *groups), groups, strict=True)
        ]

    def shares(self, repair: Repair, examples: Sequence[Example]) -> FloatArray | None:
        """(n, C) of the neighbours' votes, where the repair counts them; a text does not vote for itself."""
        votes = None if repair.calibration is None else repair.calibration.votes
        if votes is None:
            return None
        return self.neighbours.shares(examples, votes.nearest)

    @cached_property
    def neighbours(self) -> Neighbours:
        """Of all texts, among the labelled examples."""
        return Neighbours(self.prompt)

    def raw(self, repair: Repair, *groups: Sequence[Example]) -> list[FloatArray]:
        """The same before any calibration. Groups that are asked for together are read together."""
        self.ask([repair], *groups)
        empty, known = np.empty((0, len(repair.labels))), self._raw.get(repair.text, {})
        return [np.array([known[example.texts] for example in group]) if group else empty for group in groups]

    def ask(self, repairs: Sequence[Repair], *groups: Sequence[Example]) -> None:
        """Read what is not yet known of all these repairs and groups, in as few batches as pay. Raises PromptError."""
        asked = {example.texts: example for group in groups for example in group}
        missing = [
            (repair, [example for texts, example in asked.items() if texts not in self._raw.get(repair.text, {})])
            for repair in repairs
        ]
        missing = [(repair, examples) for repair, examples in missing if examples]
        questions = [self._question(repair, examples) for repair, examples in missing]
        answers = self.lab.ask(questions, self.progress) if questions else []
        for (repair, examples), scores in zip(missing, answers, strict=True):
            self._raw.setdefault(repair.text, {}).update(
                (example.texts, row) for example, row in zip(examples, scores, strict=True)
            )

    def known(self, examples: Sequence[Example]) -> dict[Texts, FloatArray]:
        """What `know` takes."""
        (scores,) = self.raw(self.start, examples)
        return {example.texts: row for example, row in zip(examples, scores, strict=True)}

    def know(self, scores: Mapping[Texts, FloatArray]) -> None:
        """Uncalibrated label scores (C,) of examples' texts by the prompt as it is that were read before."""
        self._raw.setdefault(self.start.text, {}).update(scores)

    def read(self, examples: Sequence[Example], top: int = 1, with_target: bool = False) -> Readout:
        """Ask the prompt as it is, uncalibrated, for the label of every text."""
        question = self._question(self.start, examples)
        encoded = self.lab.encode(question)
        return read_queries(
            self.model,
            encoded,
            self.lab.prefix_of(encoded, self.progress),
            target_edits=self.lab.in_force(question, encoded),
            top=top,
            with_target=with_target,
            progress=self.progress,
        )

    def encode(self, repair: Repair, examples: Sequence[Example]) -> EncodedPrompt:
        """The changed prompt with these texts as its queries, uncalibrated."""
        return self.lab.encode(self._question(repair, examples))

    def tokens(self, repair: Repair) -> int:
        """How many tokens of demonstrations the changed prompt has; of those that are a query's own, the mean."""
        before = len(self.encode(repair, self.prompt.queries[:1]).prefix)
        if repair.retrieval is None:
            return before
        own = [
            sum(len(query.ids) for query in self.encode(one, self.prompt.queries).queries)
            for one in (repair, replace(repair, retrieval=None))
        ]
        return before + round((own[0] - own[1]) / len(self.prompt.queries))

    def logit_bias(self, repair: Repair) -> dict[int, float] | str:
        """By token, the biases with which a server answers as the repaired prompt; or why none can."""
        if repair.beta is not None:
            return "a re-weighting scales attention, which other programs do not"
        try:
            tokens = self.encode(repair, self.prompt.queries[:1]).label_tokens
            return label_biases(repair.apply(self.prompt), tokens)
        except AnalysisError as error:
            return str(error)

    def _question(self, repair: Repair, examples: Sequence[Example]) -> Question:
        return Question(replace(repair.apply(self.prompt), queries=tuple(examples), calibration=None), repair.beta)
