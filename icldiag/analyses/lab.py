"""Asks lists of changed prompts and edited passes: what is asked together runs in as few batches as pay.

A changed prompt is asked from where it leaves the prompt's own demonstrations, whose keys and values are there. Two
levels of padded batches answer a whole list of questions: first the queries that follow the prompt's own tokens and
the demonstrations that were changed, then the other queries of these on their keys and values.

Where an anchor re-weighting is in force, every demonstration keeps its own beta wherever it stands, also with another
label, and one that is taken out takes its beta away.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.batches import PendingQuestion, Work
from icldiag.analyses.calibration import content_free
from icldiag.analyses.memory import Memory
from icldiag.analyses.request import Workbench
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.errors import PromptError
from icldiag.lazy import torch
from icldiag.model.edits import Edits, merge_edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.readout import FloatArray, Progress, encode_prefix, silent
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.fitting import fitting
from icldiag.prompt.schema import Example, Prompt

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Question:
    """A prompt whose queries are asked, uncut: its demonstrations and its label words may be changed ones.

    beta: (L, H, demonstrations), an anchor re-weighting that is in force.
    prefix_edits: per layer, edits of the demonstrations' rows.
    target_edits: per layer, an edit of the target row; its `rows` are set by the lab.
    query_edits: per layer, an edit of every row of a query; it has one row, and the lab sets which they are.
    """

    prompt: Prompt
    beta: NDArray[np.float32] | None = None
    prefix_edits: Edits = field(default_factory=dict)
    target_edits: Edits = field(default_factory=dict)
    query_edits: Edits = field(default_factory=dict)


#: Evidence in the making: yields questions, is sent the label scores (n, C) of each, and returns what they say.
Inquiry = Generator[Sequence[Question], list[FloatArray], T]

EachAnswer = Callable[[int, FloatArray], object]


class Lab:
    """One loaded model and prompt.

    Args:
        beta: (L, H, demonstrations), an anchor re-weighting that is in force.
        memory: of other labs of the model, to go on with.
    """

    def __init__(
        self,
        model: InstrumentedModel,
        encoded: EncodedPrompt,
        prefix: Prefix,
        beta: NDArray[np.float32] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.model, self.encoded, self.prefix, self.beta = model, encoded, prefix, beta
        self.prompt = encoded.prompt
        self.answered = 0  # different questions that were asked so far, those that run by their share of the tokens
        self._memory = Memory() if memory is None else memory
        self._asked: set[Hashable] = set()  # of this lab

    @classmethod
    def of(cls, bench: Workbench, progress: Progress) -> Lab:
        """Of a session, with what its other labs have asked."""
        return cls(bench.model, bench.encoded, bench.prefix(progress), bench.beta, bench.asked)

    def question(
        self,
        queries: Sequence[Example],
        places: Sequence[int] | None = None,
        labels: Mapping[int, int] | None = None,
        *,
        prefix_edits: Edits | None = None,
        target_edits: Edits | None = None,
        query_edits: Edits | None = None,
    ) -> Question:
        """Queries after the demonstrations at these places, in this order.

        Args:
            places: None for the prompt's own.
            labels: other labels of some demonstrations, by place.
        """
        order = list(range(len(self.prompt.demonstrations)) if places is None else places)
        shown = [self.prompt.demonstrations[place] for place in order]
        if labels:
            shown = [replace(old, label=labels.get(place, old.label)) for place, old in zip(order, shown, strict=True)]
        changed = replace(self.prompt, demonstrations=tuple(shown), queries=tuple(queries), beta=None)
        beta = None if self.beta is None else self.beta[:, :, order]
        return Question(changed, beta, prefix_edits or {}, target_edits or {}, query_edits or {})

    def fitting(self, queries: Sequence[Example]) -> tuple[Example, ...]:
        """The same queries, those cut short that the context window does not hold; see `prompt.fitting`."""
        return fitting(self.prompt, queries, self.model.reader)

    @cached_property
    def content_free(self) -> tuple[Example, ...]:
        """Queries that say nothing (`analyses.calibration`)."""
        return self.fitting(content_free(self.prompt))

    def encode(self, question: Question) -> EncodedPrompt:
        """Raises PromptError: the changed prompt cannot be asked of this model."""
        return encode(question.prompt, *self.model.reader)

    def can_ask(self, question: Question) -> bool:
        """Whether the changed prompt can be asked of this model: it is not too long, and its label words differ."""
        try:
            self.encode(question)
        except PromptError:
            return False
        return True

    def in_force(self, question: Question, encoded: EncodedPrompt) -> Edits:
        """What is done to the target row, the re-weighting with it; its rows are to be set."""
        if question.beta is None:
            return question.target_edits
        return merge_edits(question.target_edits, beta_edits(encoded, torch.from_numpy(question.beta)))

    def prefix_of(self, encoded: EncodedPrompt, progress: Progress = silent) -> Prefix:
        """A changed prompt's demonstrations, encoded; the prompt's own are there."""
        if encoded.prefix == self.prefix.ids:
            return self.prefix
        return encode_prefix(self.model, encoded, progress)

    def ask(
        self, questions: Sequence[Question], progress: Progress = silent, each: EachAnswer | None = None
    ) -> list[FloatArray]:
        """Label scores (n, C) of every question's queries.

        `progress` is asked between layers whether to go on, and told how many of all tokens are run: they take the
        time, most of them before the first of many queries is answered. `each` is told a question's place and its
        scores, as soon as they are there.

        Raises:
            PromptError: one of the changed prompts cannot be asked of this model; nothing was run then.
        """
        asked = []
        for question in questions:
            encoded = self.encode(question)
            edits = question.prefix_edits, self.in_force(question, encoded), question.query_edits
            asked.append(PendingQuestion(encoded, self.prefix, *edits))
        for one in asked:
            one.recall(self._keys(one), self._memory)
        alike: dict[Hashable, list[PendingQuestion]] = {}  # what is scored by the same label words runs together
        for one in asked:
            if one.missing:
                alike.setdefault(_scoring(one.encoded), []).append(one)
        before, count = self.answered, sum(not self._asked.issuperset(one.keys) for one in asked)
        untold, answers = dict(enumerate(asked)), dict[int, FloatArray]()

        def say(note: str, done: int) -> None:
            self.answered = before + count * done // work.tokens
            progress("changed prompts: tokens" + (f" ({note})" if note else ""), done, work.tokens)
            tell()

        def tell() -> None:
            for place in [place for place, one in untold.items() if not one.missing]:
                answers[place] = untold.pop(place).answers(self.model)
                if each is not None:
                    each(place, answers[place])

        tell()
        work = Work(self.model, self.prefix, self._memory, say)
        for answer in [work.plan(group) for group in alike.values()]:
            answer()
        self._asked.update(key for one in asked for key in one.keys)
        self.answered = before + count
        return [answers[place] for place in range(len(asked))]

    @staticmethod
    def _keys(asked: PendingQuestion) -> list[Hashable]:
        """What makes the score of a query the same before a calibration: its tokens, their edits, what is scored."""
        edits = tuple(map(_content, (asked.prefix_edits, asked.target_edits, asked.query_edits)))
        shared = _scoring(asked.encoded), edits, asked.encoded.prefix
        return [(shared, query.ids) for query in asked.encoded.queries]

    def inquire(
        self,
        inquiries: Sequence[Inquiry[Any]],
        progress: Progress = silent,
        each: Callable[[int, Any], object] | None = None,
    ) -> list[Any]:
        """What the inquiries return. The questions that they ask at the same time go into the same batches.

        `each` is told an inquiry's place and what it returns, as soon as its own questions are answered.
        """
        found: list[Any] = [None] * len(inquiries)
        asked: dict[int, Sequence[Question]] = {}
        running: list[tuple[int, int]] = []  # of the questions that run: whose, and which of its own
        answers: dict[int, dict[int, FloatArray]] = {}

        def go_on(place: int, scores: list[FloatArray] | None) -> None:
            try:
                questions = next(inquiries[place]) if scores is None else inquiries[place].send(scores)
                while not questions:
                    questions = inquiries[place].send([])
            except StopIteration as end:
                found[place] = end.value
                if each is not None:
                    each(place, end.value)
            else:
                asked[place] = questions

        def answered(which: int, scores: FloatArray) -> None:
            place, number = running[which]
            own = answers.setdefault(place, {})
            own[number] = scores
            if len(own) == sum(of == place for of, _ in running):
                go_on(place, [own[number] for number in sorted(own)])

        for place in range(len(inquiries)):
            go_on(place, None)
        while asked:
            running[:] = [(place, number) for place, questions in asked.items() for number in range(len(questions))]
            together = [question for questions in asked.values() for question in questions]
            asked.clear()  # what an answer leads to is asked in the next round
            answers.clear()
            self.ask(together, progress, answered)
        return found


def _scoring(encoded: EncodedPrompt) -> Hashable:
    """What of a prompt makes scores of its logits, before a calibration."""
    prompt = encoded.prompt
    words = tuple(label.word for label in prompt.labels)
    return encoded.scored_tokens, words, prompt.scoring, encoded.unconditional


def _content(edits: Edits) -> Hashable:
    """Edits that do the same are equal, whoever made them."""
    known: dict[int, Hashable] = {}
    for edit in edits.values():
        if id(edit) not in known:
            tensors = (edit.rows, edit.blocked, edit.factor)
            found = (None if of is None else (tuple(of.shape), _digest(of)) for of in tensors)
            known[id(edit)] = (*found, edit.renormalise)
    return tuple((layer, known[id(edit)]) for layer, edit in sorted(edits.items()))


def _digest(tensor: Tensor) -> bytes:
    """A key is kept for long, and an edit of every head and token may take megabytes."""
    return blake2b(tensor.cpu().numpy().tobytes(), digest_size=16).digest()
