"""What the model answers: label probabilities, predicted labels, accuracy, and who is taken for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.indices import query_index
from icldiag.model.readout import FloatArray, IntArray, Progress, Readout
from icldiag.private import OMITTED, PRIVATE
from icldiag.prompt.encoded_prompt import EncodedPrompt


@dataclass(frozen=True)
class TopToken:
    """A vocabulary token at the target position with its probability over the whole vocabulary."""

    text: str = field(metadata=PRIVATE)
    probability: float


@dataclass(frozen=True, repr=False)
class Prediction(AnalysisResult):
    """n queries, C classes in the prompt's order. Labels are class indices."""

    labels: tuple[str, ...]
    texts: tuple[str, ...] = field(metadata=PRIVATE)
    gold: tuple[int | None, ...]
    predicted: IntArray  # (n,)
    probabilities: FloatArray  # (n, C) softmax over the labels only
    scores: FloatArray  # (n, C) logit of the first token, or log-probability of the whole label word; calibrated
    top_tokens: tuple[tuple[TopToken, ...], ...]
    label_mass: FloatArray  # (n,) share of the whole vocabulary's probability that the labels' first tokens hold
    ids: tuple[str | None, ...] = ()  # what the queries are called where they come from; empty where nothing
    #: The texts by the template's fields; see `Example.fields`.
    fields: tuple[tuple[tuple[str, str], ...], ...] = field(default=(), metadata=OMITTED)

    def id_of(self, query: int) -> str | None:
        """What the query is called where it comes from. Raises AnalysisError: there is no such query."""
        query = query_index(query, len(self))
        return self.ids[query] if self.ids else None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def labelled(self) -> tuple[int, ...]:
        """Indices of the queries whose gold label is known."""
        return tuple(index for index, gold in enumerate(self.gold) if gold is not None)

    def is_wrong(self, query: int) -> bool:
        """Whether the gold label is known and another one was predicted. Raises AnalysisError."""
        query = query_index(query, len(self))
        return self.gold[query] is not None and self.gold[query] != self.predicted[query]

    @property
    def wrong(self) -> tuple[int, ...]:
        """Indices of the wrong queries, the most confidently wrong first."""
        found = [query for query in range(len(self)) if self.is_wrong(query)]
        return tuple(sorted(found, key=lambda query: -self.probabilities[query].max()))

    @property
    def level(self) -> tuple[int, ...]:
        """Indices of the queries whose two highest scores are the same number, so that their order decides."""
        highest = np.sort(self.scores, axis=1)[:, -2:]
        return tuple(int(query) for query in np.flatnonzero(highest[:, 0] == highest[:, 1]))

    @property
    def correct(self) -> int:
        return len(self.labelled) - len(self.wrong)

    def rival(self, query: int) -> int:
        """What the answer stands against: the gold label of a wrong answer, of any other the runner-up."""
        gold = self.gold[query]
        if gold is not None and gold != self.predicted[query]:
            return gold
        return next(label for label in probability_order(self, query) if label != self.predicted[query])

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled queries that are right; None where no gold label is known."""
        return self.correct / len(self.labelled) if self.labelled else None

    @property
    def counts(self) -> IntArray:
        """(C, C) queries by gold (row) and predicted label (column)."""
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for query in self.labelled:
            counts[self.gold[query], self.predicted[query]] += 1
        return counts


@dataclass(frozen=True)
class FirstAnswers:
    """What is known while the rest is computed: `prediction` is of these queries alone, in this order."""

    queries: tuple[int, ...]
    prediction: Prediction


@dataclass(frozen=True)
class Predict(Request[Prediction]):
    """Label probabilities, predicted labels and top tokens of every query; `each` is told `FirstAnswers`."""

    job: ClassVar[str] = "prediction"

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Prediction:
        encoded, tokenizer = bench.encoded, bench.model.tokenizer

        def first(queries: tuple[int, ...], readout: Readout) -> None:
            if each is not None:
                each(FirstAnswers(queries, predict(encoded, readout, tokenizer, queries)))

        return predict(encoded, bench.readout(progress, first), tokenizer)


def predict(
    encoded: EncodedPrompt, readout: Readout, tokenizer: Any, queries: Sequence[int] | None = None
) -> Prediction:
    """Turn what was read at the target positions into predictions, of all queries or of those that were read.

    The predicted label is the one with the highest score; scores are those of the label words' first tokens (the
    paper's way) or of the whole words (`scoring: whole`).
    """
    prompt = encoded.prompt
    asked = prompt.queries if queries is None else [prompt.queries[query] for query in queries]
    probabilities = readout.probabilities
    chances = np.exp(readout.top_log_probabilities)
    top = tuple(
        tuple(TopToken(_token_text(tokenizer, int(token)), float(chance)) for token, chance in zip(*row, strict=True))
        for row in zip(readout.top_tokens, chances, strict=True)
    )
    return Prediction(
        labels=prompt.label_names,
        texts=tuple(query.text for query in asked),
        fields=tuple(query.fields for query in asked),
        gold=tuple(query.label for query in asked),
        predicted=probabilities.argmax(axis=1),
        probabilities=probabilities,
        scores=readout.label_scores,
        top_tokens=top,
        label_mass=readout.label_mass,
        ids=tuple(query.id for query in asked),
    )


def _token_text(tokenizer: Any, token: int) -> str:
    """The token as the prompt would show it, its leading space kept where the tokenizer has one."""
    return str(tokenizer.decode([token], clean_up_tokenization_spaces=False))


def probability_order(prediction: Prediction, query: int) -> Sequence[int]:
    """Class indices of one query, most probable first. Raises AnalysisError: there is no such query."""
    query = query_index(query, len(prediction))
    return [int(index) for index in np.argsort(-prediction.probabilities[query], kind="stable")]
