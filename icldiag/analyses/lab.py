"""Asks a list of changed prompts and edited passes: as few batches as pay, and nothing computed twice.

A changed prompt is asked from where it leaves the prompt's own demonstrations, whose keys and values are there. Two
levels of padded batches answer a whole list of questions: first the queries that follow the prompt's own tokens and
the demonstrations that were changed, then the other queries of these on their keys and values.

Where an anchor re-weighting is in force, every demonstration keeps its own beta wherever it stands, also with another
label, and one that is taken out takes its beta away.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.reweighting.compute import beta_edits
from icldiag.lazy import torch
from icldiag.model.forward import Edits, InstrumentedModel, Prefix, merge_edits
from icldiag.model.label_words import LabelWords, label_words
from icldiag.model.memory import in_pieces
from icldiag.model.readout import FloatArray, Progress, rows_per_batch, silent
from icldiag.model.rows import Past, Piece, Row, run_rows
from icldiag.prompt.encode import EncodedPrompt, encode
from icldiag.prompt.schema import Example, Prompt

T = TypeVar("T")

_KEPT_BYTES = 2**30  # keys and values of changed demonstrations that are held at a time
_WORTH_A_ROW = 32  # tokens that a row run once for several others must save


@dataclass(frozen=True, eq=False)
class Question:
    """A prompt whose queries are asked, uncut: its demonstrations and its label words may be changed ones.

    beta: (L, H, demonstrations), an anchor re-weighting that is in force.
    prefix_edits: per layer, edits of the demonstrations' rows.
    target_edits: per layer, an edit of the target row; its `rows` are set by the lab.
    """

    prompt: Prompt
    beta: NDArray[np.float32] | None = None
    prefix_edits: Edits = field(default_factory=dict)
    target_edits: Edits = field(default_factory=dict)


#: Evidence in the making: yields questions, is sent the label scores (n, C) of each, and returns what they say.
Inquiry = Generator[Sequence[Question], list[FloatArray], T]


class Lab:
    """One loaded model and prompt.

    Args:
        beta: (L, H, demonstrations), an anchor re-weighting that is in force.
    """

    def __init__(
        self,
        model: InstrumentedModel,
        encoded: EncodedPrompt,
        prefix: Prefix,
        beta: NDArray[np.float32] | None = None,
    ) -> None:
        self.model, self.encoded, self.prefix, self.beta = model, encoded, prefix, beta
        self.prompt = encoded.prompt
        self.answered = 0  # questions so far

    def question(
        self,
        queries: Sequence[Example],
        places: Sequence[int] | None = None,
        labels: Mapping[int, int] | None = None,
        *,
        prefix_edits: Edits | None = None,
        target_edits: Edits | None = None,
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
        return Question(changed, beta, prefix_edits or {}, target_edits or {})

    def encode(self, question: Question) -> EncodedPrompt:
        """Raises PromptError: the changed prompt cannot be asked of this model."""
        return encode(question.prompt, *self.model.reader)

    def in_force(self, question: Question, encoded: EncodedPrompt) -> Edits:
        """What is done to the target row, the re-weighting with it; its rows are to be set."""
        if question.beta is None:
            return question.target_edits
        return merge_edits(
            question.target_edits, beta_edits(encoded, torch.from_numpy(question.beta).to(self.model.device))
        )

    def prefix_of(self, encoded: EncodedPrompt, progress: Progress = silent) -> Prefix:
        """A changed prompt's demonstrations, encoded; the prompt's own are there."""
        if encoded.prefix == self.prefix.ids:
            return self.prefix
        return self.model.encode_prefix(
            encoded.prefix,
            forerunners=[demonstration.forerunner for demonstration in encoded.demonstrations],
            before_layer=lambda layer: progress("demonstrations", layer, self.model.n_layers),
        )

    def ask(self, questions: Sequence[Question], progress: Progress = silent) -> list[FloatArray]:
        """Label scores (n, C) of every question's queries.

        `progress` is asked between layers whether to go on, and told of every question that is answered.

        Raises:
            PromptError: one of the changed prompts cannot be asked of this model; nothing was run then.
        """
        encoded = [self.encode(question) for question in questions]
        alike: dict[Hashable, list[_Asked]] = {}  # what is scored by the same label words runs together
        for question, changed in zip(questions, encoded, strict=True):
            prompt = question.prompt
            scored = (changed.label_tokens, prompt.scoring, prompt.calibration)
            alike.setdefault(scored, []).append(_Asked(self, question, changed))
        work = _Work(self, progress, len(questions))
        for group in alike.values():
            work.answer(group)
        by_question = {id(asked.question): asked.scores for group in alike.values() for asked in group}
        return [np.array(by_question[id(question)]) for question in questions]

    def inquire(self, inquiries: Sequence[Inquiry[Any]], progress: Progress = silent) -> list[Any]:
        """What the inquiries return. The questions that they ask at the same time go into the same batches."""
        found: list[Any] = [None] * len(inquiries)
        asked: dict[int, Sequence[Question]] = {}

        def go_on(place: int, answers: list[FloatArray] | None) -> None:
            try:
                asked[place] = inquiries[place].send(answers)  # type: ignore[arg-type]
            except StopIteration as end:
                asked.pop(place, None)
                found[place] = end.value

        for place in range(len(inquiries)):
            go_on(place, None)
        while asked:
            answers = iter(self.ask([question for questions in asked.values() for question in questions], progress))
            for place, questions in list(asked.items()):
                go_on(place, [next(answers) for _ in questions])
        return found


class _Asked:
    """A question while it is answered."""

    def __init__(self, lab: Lab, question: Question, encoded: EncodedPrompt) -> None:
        self.question, self.encoded = question, encoded
        self.scores: list[NDArray[Any] | None] = [None] * len(encoded.queries)
        self.missing = len(encoded.queries)
        self.key = (encoded.prefix, tuple((layer, id(edit)) for layer, edit in question.prefix_edits.items()))
        self.target = lab.in_force(question, encoded)
        edited = [int(edit.rows.min()) for edit in question.prefix_edits.values()]
        self.unedited = lab.prefix.ids[: min(edited, default=len(lab.prefix.ids))]

    def whole(self, query: int) -> tuple[int, ...]:
        """All tokens of a query's prompt."""
        return (*self.encoded.prefix, *self.encoded.queries[query].ids)

    def edits(self, query: int) -> tuple[Edits, ...]:
        """The edits of a query's row; layers that have the same edit go on sharing it."""
        last = len(self.whole(query)) - 1
        placed = {id(edit): replace(edit, rows=torch.tensor([last])) for edit in self.target.values()}
        return self.question.prefix_edits, {layer: placed[id(edit)] for layer, edit in self.target.items()}


_Query = tuple[_Asked, int]


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """A row to run: a query of a question, or what begins several queries that wait for it."""

    row: Row
    query: _Query | None
    waiting: tuple[_Query, ...] = ()


class _Work:
    """One list of questions while it is answered."""

    def __init__(self, lab: Lab, progress: Progress, total: int) -> None:
        self.lab, self.progress, self.total, self.done = lab, progress, total, 0
        prefix = lab.prefix
        self.own = Past((Piece(prefix.key_values, 0, 0, len(prefix.ids)),))
        size = sum(layer.keys.nbytes + layer.values.nbytes for layer in prefix.key_values)
        self.kept_tokens = max(1, _KEPT_BYTES * len(prefix.ids) // size)

    def answer(self, group: Sequence[_Asked]) -> None:
        """Questions that are scored alike."""
        words = label_words(group[0].encoded)
        alike: dict[tuple[Hashable, tuple[int, ...]], list[_Query]] = {}
        for asked in group:
            for query in range(asked.missing):
                alike.setdefault((asked.key, asked.whole(query)), []).append((asked, query))
        clusters: dict[Hashable, list[_Query]] = {}  # edited passes of one query; other queries of one prompt
        for (key, whole), queries in alike.items():
            clusters.setdefault((key, whole if len(queries) > 1 else None), []).extend(queries)
        tasks = [task for queries in clusters.values() for task in self._first_level(queries)]
        for portion in self._portions(tasks):
            second = self._run(portion, words)
            if second:
                self._run(second, words)

    def _first_level(self, queries: Sequence[_Query]) -> list[_Task]:
        """Rows with the same demonstrations: each by itself, or what begins all of them once for all."""
        first = queries[0][0]
        wholes = [asked.whole(query) for asked, query in queries]
        pasts = [_common(first.unedited, whole[:-1]) for whole in wholes]
        stem = wholes[0][: min(min(_common(wholes[0], whole), len(whole) - 1) for whole in wholes)]
        past = _common(first.unedited, stem[:-1])
        alone = sum(len(whole) - own for whole, own in zip(wholes, pasts, strict=True))
        behind = sum(len(whole) - len(stem) for whole in wholes)
        if len(stem) - past + behind + _WORTH_A_ROW <= alone:
            row = Row(self.own.cut(0, past), stem[past:], (first.question.prefix_edits,))
            return [_Task(row, None, tuple(queries))]
        return [
            _Task(Row(self.own.cut(0, own), whole[own:], asked.edits(query)), (asked, query))
            for (asked, query), whole, own in zip(queries, wholes, pasts, strict=True)
        ]

    def _portions(self, tasks: Sequence[_Task]) -> Iterator[list[_Task]]:
        """As many changed demonstrations at a time as may be held."""
        portion: list[_Task] = []
        held = 0
        for task in sorted(tasks, key=lambda task: task.query is None):
            size = len(task.row.ids) if task.query is None else 0
            if held and held + size > self.kept_tokens:
                yield portion
                portion, held = [], 0
            portion.append(task)
            held += size
        yield portion

    def _run(self, tasks: Sequence[_Task], words: LabelWords) -> list[_Task]:
        """Run rows, and return those that waited for them."""
        freed: list[_Task] = []
        for batch in self._batches(tasks, len(words.given)):

            def read(which: slice, batch: Sequence[_Task] = batch) -> list[_Task]:
                return self._read(batch[which], words)

            for piece in in_pieces(self.lab.model, slice(0, len(batch)), read, self._say):
                freed += piece
        return freed

    def _read(self, batch: Sequence[_Task], words: LabelWords) -> list[_Task]:
        keep = [place for place, task in enumerate(batch) if task.query is None]
        scores, pasts = run_rows(self.lab.model, [task.row for task in batch], words, keep, lambda layer: self._say(""))
        found = scores.double().cpu().numpy()
        for task, row in zip(batch, found, strict=True):
            if task.query is not None:
                self._answered(*task.query, row)
        return [
            _Task(Row(past, asked.whole(query)[len(past) :], asked.edits(query)), (asked, query))
            for place, past in zip(keep, pasts, strict=True)
            for asked, query in batch[place].waiting
        ]

    def _answered(self, asked: _Asked, query: int, scores: NDArray[Any]) -> None:
        asked.scores[query] = scores
        asked.missing -= 1
        if not asked.missing:
            self.done += 1
            self.lab.answered += 1
            self._say("")

    def _say(self, note: str) -> None:
        self.progress("changed prompts" + (f" ({note})" if note else ""), self.done, self.total)

    def _worth_a_batch(self, tokens: int) -> int:
        """Tokens of padding that another batch must save. On a GPU a small batch takes about as long as a large one."""
        return 128 + tokens // 8 if self.lab.model.device.type == "cpu" else 2**30

    def _batches(self, tasks: Sequence[_Task], further: int) -> Iterator[list[_Task]]:
        """The cheapest cut of the rows, longest first, where a batch costs its padded tokens and what it is worth."""
        rows = sorted(tasks, key=lambda task: -len(task.row.ids))
        worth = self._worth_a_batch(sum(len(task.row.ids) for task in rows))
        costs, cuts = [0], [0]
        for stop in range(1, len(rows) + 1):
            options, past = [], 0
            for start in reversed(range(stop)):
                width, past = len(rows[start].row.ids) + further, max(past, len(rows[start].row.past))
                if stop - start > rows_per_batch(self.lab.model, width, past):
                    break
                options.append((costs[start] + width * (stop - start) + worth, start))
            cost, start = min(options)
            costs.append(cost)
            cuts.append(start)
        ends = [len(rows)]
        while ends[-1]:
            ends.append(cuts[ends[-1]])
        for start, stop in zip(reversed(ends[1:]), reversed(ends[:-1]), strict=True):
            yield rows[start:stop]
