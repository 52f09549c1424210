"""What the model says at the target position of every query, read in batches on the demonstrations' cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from icldiag.model.forward import Batch, Edits, InstrumentedModel, Prefix, Resume, batch_of, on_rows
from icldiag.model.heads import Heads, KeyValues
from icldiag.prompt.encode import EncodedPrompt

Progress = Callable[[str, int, int], None]  # what is being done, done, total; may raise Cancelled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Float32 scores of one layer's explicit attention in one batch; bounds memory whatever the prompt's length.
_SCORES_PER_BATCH = 16_000_000
_ROWS_PER_BATCH = 64


def silent(what: str, done: int, total: int) -> None:
    """A Progress that shows nothing and never stops."""


def step_of(progress: Progress, what: str, done: int, total: int) -> Progress:
    """A Progress for one step of a larger work: its own parts are not shown, only asked whether to go on."""
    return lambda part, parts_done, parts: progress(what, done, total)


@dataclass(frozen=True)
class Readout:
    """The target position of n queries. Labels are in the prompt's order."""

    label_scores: FloatArray  # (n, C) logit of the first token, or log-probability of the whole label word
    top_tokens: IntArray  # (n, k) vocabulary ids, most probable first
    top_log_probabilities: FloatArray  # (n, k)
    label_mass: FloatArray  # (n,) probability of all label words' first tokens, over the whole vocabulary
    target_queries: NDArray[np.float32] | None  # (n, L, H * d), where asked for

    @property
    def probabilities(self) -> FloatArray:
        """Softmax of the scores over the labels only: (n, C)."""
        shifted = np.exp(self.label_scores - self.label_scores.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class QueryBatch:
    """Some queries of the prompt, alike in length, as one padded batch."""

    indices: tuple[int, ...]
    batch: Batch


def query_batches(model: InstrumentedModel, rows: Sequence[Sequence[int]], start: int) -> list[QueryBatch]:
    """Cut token rows into batches, longest first, so that memory is known at the first one and padding is small."""
    order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
    batches = []
    while order:
        width = len(rows[order[0]])
        fitting = _SCORES_PER_BATCH // (model.n_heads * width * (start + width))
        taken, order = order[: max(1, min(fitting, _ROWS_PER_BATCH))], order[max(1, min(fitting, _ROWS_PER_BATCH)) :]
        batches.append(QueryBatch(tuple(taken), batch_of([rows[index] for index in taken], start, model.device)))
    return batches


class KeptInputs:
    """Layer inputs of every batch of a read, so that another read can restart above the first layer."""

    def __init__(self, wanted: Collection[int] | None = None) -> None:
        self.wanted = wanted  # layers to keep; None keeps all
        self.by_layer: dict[int, list[Tensor]] = {}  # in the order of the batches, (B, T, D) each

    def add(self, first: int, inputs: Sequence[Tensor]) -> None:
        for layer, hidden in enumerate(inputs, start=first):
            if self.wanted is None or layer in self.wanted:
                self.by_layer.setdefault(layer, []).append(hidden)


@torch.no_grad()
def read_queries(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    *,
    context: Sequence[KeyValues] | None = None,
    target_edits: Edits | None = None,
    top: int = 10,
    with_target_queries: bool = False,
    observe: Callable[[tuple[int, ...], int, Heads], None] | None = None,
    resume: tuple[int, KeptInputs] | None = None,
    keep: KeptInputs | None = None,
    start: int | None = None,
    progress: Progress = silent,
    what: str = "queries",
) -> Readout:
    """Run every query on the prefix's keys and values and read label scores and top tokens at its target position.

    Args:
        context: keys and values to use instead of the prefix's own (a compressed or edited cache).
        target_edits: per layer, an edit of the target row; its `rows` are set here.
        top: how many vocabulary tokens to return per query.
        with_target_queries: also return the target's query vectors of all layers.
        observe: called with the queries of a batch, a layer, and its heads.
        resume: restart at this layer from what an earlier read of the same queries kept; its result must be the same
            below. Not for words scored whole.
        keep: filled with the layers' inputs.
        start: position of each query's first token, where it is not the prefix's length.
    """
    n, classes = len(encoded.queries), len(encoded.label_tokens)
    scores = np.zeros((n, classes))
    top = min(top, int(model.model.get_output_embeddings().weight.shape[0]))
    tokens, chances, mass = np.zeros((n, top), np.int64), np.zeros((n, top)), np.zeros(n)
    first_tokens = [ids[0] for ids in encoded.label_tokens]
    vectors: list[tuple[tuple[int, ...], NDArray[np.float32]]] = []
    shared = context if context is not None else prefix.key_values
    whole = encoded.prompt.scoring == "whole" and any(len(ids) > 1 for ids in encoded.label_tokens)
    done = 0
    progress(what, 0, n)
    start = len(encoded.prefix) if start is None else start
    batches = query_batches(model, [query.ids for query in encoded.queries], start)
    for number, part in enumerate(batches):
        watched = _Watched(with_target_queries, whole, part.indices, observe)
        run = model.run(
            part.batch,
            context=shared,
            edits=on_rows(target_edits, [part.batch.ids.shape[1] - 1], model),
            observe=watched,
            resume=None if resume is None else Resume(resume[0], resume[1].by_layer[resume[0]][number]),
            keep_inputs=keep is not None,
            before_layer=_reporting(progress, what, done, n),
        )
        log_probabilities = run.logits[:, -1].float().log_softmax(-1)  # (B, V)
        if keep is not None:
            keep.add(resume[0] if resume else 0, run.inputs)
        rows = list(part.indices)
        best = log_probabilities.topk(top)
        tokens[rows], chances[rows] = best.indices.cpu().numpy(), best.values.double().cpu().numpy()
        first = run.logits[:, -1].float() if encoded.prompt.scoring == "first" else log_probabilities
        scores[rows] = first[:, first_tokens].double().cpu().numpy()
        mass[rows] = log_probabilities[:, sorted(set(first_tokens))].double().exp().sum(1).cpu().numpy()
        if whole:
            scores[rows] += _rest_of_words(model, encoded, part.batch, shared, watched.own, target_edits)
        if with_target_queries:
            vectors.append((part.indices, torch.stack(watched.queries, 1).numpy()))
        done += len(rows)
        progress(what, done, n)
    return Readout(scores, tokens, chances, mass, _in_order(vectors, n) if with_target_queries else None)


class _Watched:
    """Observer of one batch: the target's query vectors and the batch's own keys and values, as far as wanted."""

    def __init__(
        self,
        with_queries: bool,
        with_own: bool,
        indices: tuple[int, ...],
        further: Callable[[tuple[int, ...], int, Heads], None] | None,
    ) -> None:
        self.with_queries, self.with_own = with_queries, with_own
        self.indices, self.further = indices, further
        self.queries: list[Tensor] = []  # per layer, (B, H * d)
        self.own: list[KeyValues] = []

    def __call__(self, layer: int, heads: Heads, output: Tensor) -> None:
        if self.with_queries:
            self.queries.append(heads.query[:, :, -1].flatten(1).float().cpu())
        if self.with_own:
            self.own.append(heads.key_values)
        if self.further is not None:
            self.further(self.indices, layer, heads)


def _reporting(progress: Progress, what: str, done: int, total: int) -> Callable[[int], None]:
    """Ask between layers, too, whether to go on."""
    return lambda layer: progress(what, done, total)


def _rest_of_words(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    batch: Batch,
    context: Sequence[KeyValues],
    own: Sequence[KeyValues],
    target_edits: Edits | None,
) -> FloatArray:
    """Sum of the log-probabilities of every label word's tokens after the first: (B, C)."""
    rest = np.zeros((batch.ids.shape[0], len(encoded.label_tokens)))
    for label, ids in enumerate(encoded.label_tokens):
        if len(ids) == 1:
            continue
        given = torch.tensor(ids[:-1], device=batch.ids.device)  # (t,)
        steps = torch.arange(1, len(ids), device=batch.ids.device)
        positions = batch.positions[:, -1:] + steps  # (B, t)
        run = model.run(
            Batch(given.expand(len(batch.ids), -1), positions, batch.padding),
            context=context,
            past=own,
            edits=on_rows(target_edits, range(len(given)), model),
            keep=len(given),
        )
        chances = run.logits.float().log_softmax(-1)  # (B, t, V)
        wanted = torch.tensor(ids[1:], device=chances.device)
        rest[:, label] = chances[:, torch.arange(len(wanted)), wanted].sum(1).double().cpu().numpy()
    return rest


def _in_order(parts: Sequence[tuple[tuple[int, ...], NDArray[np.float32]]], n: int) -> NDArray[np.float32]:
    whole = np.zeros((n, *parts[0][1].shape[1:]), np.float32)
    for indices, values in parts:
        whole[list(indices)] = values
    return whole
