"""The queries of a prompt in padded batches that fit in memory, the first of them small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from icldiag.model.forward import InstrumentedModel
from icldiag.model.label_words import LabelWords
from icldiag.model.padding import Batch, batch_of


@dataclass(frozen=True)
class QueryBatch:
    """Some queries of the prompt, alike in length, as one padded batch."""

    indices: tuple[int, ...]
    batch: Batch

    def rows(self, which: slice) -> QueryBatch:
        """Some of them, as wide as before."""
        return QueryBatch(self.indices[which], self.batch.rows(which))


def query_batches(
    model: InstrumentedModel, rows: Sequence[Sequence[int]], start: int, words: LabelWords | None = None
) -> list[QueryBatch]:
    """Cut token rows into growing batches, longest first, so that padding is small.

    With `words`, the tokens of the label words follow every row.
    """
    further = len(words.given) if words else 0
    vocabulary = int(model.model.get_output_embeddings().weight.shape[0])
    order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
    batches: list[QueryBatch] = []
    while order:
        width = len(rows[order[0]]) + further
        by_logits = model.limits.logits // ((1 + further) * vocabulary)
        by_turn = model.limits.first << len(batches)
        size = max(1, min(rows_per_batch(model, width, start), by_logits, by_turn))
        taken, order = order[:size], order[size:]
        batch = batch_of([rows[index] for index in taken], start, model.device)
        batches.append(QueryBatch(tuple(taken), words.after(batch) if words else batch))
    return batches


def rows_per_batch(model: InstrumentedModel, width: int, context: int) -> int:
    """How many rows of `width` tokens on `context` cached ones may be run at once."""
    return max(1, min(model.limits.scores // (model.n_heads * width * (context + width)), model.limits.rows))
