"""How a list of questions becomes rows of as few padded batches as pay.

Two levels of batches answer all of them: first the queries that go on from the prompt's own demonstrations, and what
begins several queries at once (demonstrations that were changed, a query under several edits); then those queries.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from icldiag.analyses.memory import Memory
from icldiag.lazy import torch
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.label_words import LabelWords, label_words
from icldiag.model.pasts import Past, Piece
from icldiag.model.query_batches import rows_per_batch
from icldiag.model.readout import FloatArray
from icldiag.model.rows import Row, in_pieces, run_rows
from icldiag.prompt.encoded_prompt import EncodedPrompt

_KEPT_BYTES = 2**30  # keys and values of changed demonstrations that are held at a time
_WORTH_A_ROW = 32  # tokens that a row run once for several others must save


class PendingQuestion:
    """A question while it is answered."""

    def __init__(
        self, encoded: EncodedPrompt, prefix: Prefix, prefix_edits: Edits, target_edits: Edits, query_edits: Edits
    ) -> None:
        self.encoded, self.prefix_edits, self.target_edits = encoded, prefix_edits, target_edits
        self.query_edits = query_edits
        self.scores: list[FloatArray | None] = [None] * len(encoded.queries)  # (C,) each, before any calibration
        self.missing = len(encoded.queries)
        self.keys: Sequence[Hashable] = ()  # under which the scores are kept
        self.key = (encoded.prefix, tuple((layer, id(edit)) for layer, edit in prefix_edits.items()))
        edited = [int(edit.rows.min()) for edit in prefix_edits.values()]
        self.unedited = prefix.ids[: min(edited, default=len(prefix.ids))]  # what may be taken from the prompt's own

    def recall(self, keys: Sequence[Hashable], memory: Memory) -> None:
        """Take the scores of its queries that are kept."""
        self.keys, self.scores = keys, [memory.get(key) for key in keys]
        self.missing = sum(scores is None for scores in self.scores)

    def answers(self, model: InstrumentedModel) -> FloatArray:
        """(n, C) once none is missing: calibrated, with the votes. Raises NotFinite."""
        plain = np.array(self.scores, dtype=np.float32).reshape(-1, len(self.encoded.label_tokens))
        scores = label_words(self.encoded, model).calibrated(torch.from_numpy(plain)).double().numpy()
        return np.asarray(scores + self.encoded.votes(range(len(self.scores))))

    def whole(self, query: int) -> tuple[int, ...]:
        """All tokens of a query's prompt."""
        return (*self.encoded.prefix, *self.encoded.queries[query].ids)

    def edits(self, query: int) -> tuple[Edits, ...]:
        """The edits of a query's row; layers that have the same edit go on sharing it."""
        if not self.target_edits and not self.query_edits:
            return (self.prefix_edits,)
        first, length = len(self.encoded.prefix), len(self.whole(query))
        last, all_rows = torch.tensor([length - 1]), torch.arange(first, length)
        placed = {id(edit): replace(edit, rows=last) for edit in self.target_edits.values()}
        for edit in self.query_edits.values():
            blocked = None if edit.blocked is None else edit.blocked.expand(len(all_rows), -1)
            placed[id(edit)] = replace(edit, rows=all_rows, blocked=blocked)
        return (
            self.prefix_edits,
            {layer: placed[id(edit)] for layer, edit in self.query_edits.items()},
            {layer: placed[id(edit)] for layer, edit in self.target_edits.items()},
        )


_Query = tuple[PendingQuestion, int]


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    alike, most = 0, min(len(first), len(second))
    while alike < most:  # by halves: slices are compared much faster than tokens one by one
        middle = (alike + most + 1) // 2
        alike, most = (middle, most) if first[alike:middle] == second[alike:middle] else (alike, middle - 1)
    return alike


@dataclass(frozen=True, eq=False)
class _Task:
    """A row to run: a query of a question, or what begins several queries that wait for it."""

    row: Row
    query: _Query | None
    waiting: tuple[_Query, ...] = ()

    @property
    def tokens(self) -> int:
        """That this row runs, and those that wait for it."""
        further = sum(len(asked.whole(query)) - self.row.length for asked, query in self.waiting)
        return len(self.row.ids) + further


class Work:
    """One list of questions while it is answered."""

    def __init__(
        self, model: InstrumentedModel, prefix: Prefix, memory: Memory, say: Callable[[str, int], None]
    ) -> None:
        self.model, self.memory, self.say = model, memory, say
        self.tokens, self.done = 0, 0  # that are planned, and that were run; without what pads a batch
        self.own = Past((Piece(prefix.key_values, 0, 0, len(prefix.ids)),))
        tensors = [held for layer in prefix.key_values for held in (layer.keys, layer.values)]
        size = sum(held.shape[1] * held.shape[3] * held.itemsize for held in tensors)  # of a token
        self.kept_tokens = max(1, _KEPT_BYTES // size)

    def plan(self, group: Sequence[PendingQuestion]) -> Callable[[], None]:
        """What answers questions that are scored alike, once it is called."""
        words = label_words(group[0].encoded, self.model)
        alike: dict[tuple[Hashable, tuple[int, ...]], list[_Query]] = {}
        tasks: list[_Task] = []
        for asked in group:
            for query in (place for place, scores in enumerate(asked.scores) if scores is None):
                if asked.query_edits:  # none of its rows is that of another question
                    tasks += self._alone([(asked, query)])
                else:
                    alike.setdefault((asked.key, asked.whole(query)), []).append((asked, query))
        clusters: dict[Hashable, list[_Query]] = {}  # edited passes of one query; other queries of one prompt
        for (key, whole), queries in alike.items():
            clusters.setdefault((key, whole if len(queries) > 1 else None), []).extend(queries)
        tasks += [task for queries in clusters.values() for task in self._first_level(queries)]
        self.tokens += sum(task.tokens for task in tasks)
        return partial(self._answer, tasks, words)

    def _answer(self, tasks: list[_Task], words: LabelWords) -> None:
        for part in self._quick_first(tasks):
            for portion in self._portions(part):
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
            row = Row(self.own.cut(0, past), stem[past:], (first.prefix_edits,))
            return [_Task(row, None, tuple(queries))]
        return self._alone(queries)

    def _alone(self, queries: Sequence[_Query]) -> list[_Task]:
        """A row for each, from where it leaves the prompt's own demonstrations."""
        tasks = []
        for asked, query in queries:
            whole = asked.whole(query)
            own = min(_common(asked.unedited, whole[:-1]), len(asked.encoded.prefix))
            tasks.append(_Task(Row(self.own.cut(0, own), whole[own:], asked.edits(query)), (asked, query)))
        return tasks

    def _quick_first(self, tasks: list[_Task]) -> list[list[_Task]]:
        """What goes on from all of the prompt's own demonstrations is answered before what changes them, where its wait
        would be longer than the two batches that this costs at most."""
        quick = [task for task in tasks if len(task.row.past) == len(self.own)]
        others = [task for task in tasks if len(task.row.past) < len(self.own)]
        further = sum(len(task.row.ids) for task in others)
        worth = 2 * self._worth_a_batch(further + sum(len(task.row.ids) for task in quick))
        return [quick, others] if quick and further > worth else [tasks]

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

            for piece in in_pieces(self.model, slice(0, len(batch)), read, self._say):
                freed += piece
        return freed

    def _read(self, batch: Sequence[_Task], words: LabelWords) -> list[_Task]:
        keep = [place for place, task in enumerate(batch) if task.query is None]
        tokens = sum(len(task.row.ids) for task in batch)

        def say(layer: int) -> None:
            self.say("", self.done + tokens * layer // self.model.n_layers)

        scores, pasts = run_rows(self.model, [task.row for task in batch], words, keep, say)
        found = scores.double().cpu().numpy()
        for task, row in zip(batch, found, strict=True):
            if task.query is not None:
                asked, query = task.query
                asked.scores[query] = row
                asked.missing -= 1
                self.memory.keep(asked.keys[query], row)  # at once: who is stopped asks none of it again
        self.done += tokens
        self._say("")
        return [
            _Task(Row(past, asked.whole(query)[len(past) :], asked.edits(query)), (asked, query))
            for place, past in zip(keep, pasts, strict=True)
            for asked, query in batch[place].waiting
        ]

    def _say(self, note: str) -> None:
        self.say(note, self.done)

    def _worth_a_batch(self, tokens: int) -> int:
        """Tokens of padding that another batch must save. On a GPU a small batch takes about as long as a large one."""
        return 128 + tokens // 8 if self.model.device.type == "cpu" else 2**30

    def _batches(self, tasks: Sequence[_Task], further: int) -> Iterator[list[_Task]]:
        """The cheapest cut of the rows, longest first, where a batch costs its padded tokens and what it is worth."""
        rows = sorted(tasks, key=lambda task: -len(task.row.ids))
        worth = self._worth_a_batch(sum(len(task.row.ids) for task in rows))
        costs, cuts = [0], [0]
        for stop in range(1, len(rows) + 1):
            options, past = [], 0
            for start in reversed(range(stop)):
                width, past = len(rows[start].row.ids) + further, max(past, len(rows[start].row.past))
                if stop - start > rows_per_batch(self.model, width, past):
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
