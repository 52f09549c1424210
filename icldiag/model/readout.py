"""What the model says at the target position of every query, read in batches on the demonstrations' cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import no_grad, torch
from icldiag.model.edits import Edits
from icldiag.model.finite import require_finite
from icldiag.model.forward import InstrumentedModel, Prefix, Resume, Run
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.label_words import LabelWords, label_words
from icldiag.model.padding import batch_of
from icldiag.model.query_batches import QueryBatch, query_batches
from icldiag.model.rows import in_pieces
from icldiag.model.target import Target, TargetReader
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[str, int, int], None]  # what is being done, done, total; may raise Cancelled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROWS_WORTH_A_STEM = 4


def silent(what: str, done: int, total: int) -> None:
    """A Progress that shows nothing and never stops."""


def step_of(progress: Progress, what: str, done: int, total: int) -> Progress:
    """A Progress for one step of a larger work: its own parts are not shown, only asked whether to go on."""
    return lambda part, parts_done, parts: progress(what, done, total)


@dataclass(frozen=True)
class Readout:
    """The target position of n queries. Labels are in the prompt's order."""

    label_scores: FloatArray  # (n, C) logit of the first token, or log-probability of the whole label word; a
    # calibration of the prompt is taken off
    plain_scores: FloatArray  # (n, C) the same before a calibration and votes
    top_tokens: IntArray  # (n, k) vocabulary ids, most probable first
    top_log_probabilities: FloatArray  # (n, k)
    label_mass: FloatArray  # (n,) probability of all label words' first tokens, over the whole vocabulary
    target: Target | None  # what the target position has in every layer, if asked for

    @property
    def probabilities(self) -> FloatArray:
        """Softmax of the scores over the labels only: (n, C)."""
        return label_probabilities(self.label_scores)


def label_probabilities(scores: FloatArray) -> FloatArray:
    """Softmax of label scores (n, C) over the labels."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


class KeptInputs:
    """Layer inputs of every batch of a read, so that another read can restart above the first layer."""

    def __init__(self, wanted: Collection[int] | None = None) -> None:
        self.wanted = wanted  # layers to keep; None keeps all
        self.by_layer: dict[int, list[Tensor]] = {}  # in the order of the batches, (B, T, D) each

    def add(self, first: int, inputs: Sequence[Tensor]) -> None:
        for layer, hidden in enumerate(inputs, start=first):
            if self.wanted is None or layer in self.wanted:
                self.by_layer.setdefault(layer, []).append(hidden)


def encode_prefix(model: InstrumentedModel, encoded: EncodedPrompt, progress: Progress = silent) -> Prefix:
    """A prompt's demonstrations, with the query vectors of its forerunners."""
    return model.encode_prefix(
        encoded.prefix,
        forerunners=[demonstration.forerunner for demonstration in encoded.demonstrations],
        before_layer=lambda layer: progress("demonstrations: layer", layer, model.n_layers),
    )


@no_grad
def read_queries(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    *,
    context: Sequence[KeyValues] | None = None,
    target_edits: Edits | None = None,
    top: int = 10,
    with_target: bool = False,
    observe: Callable[[tuple[int, ...], int, Heads], None] | None = None,
    resume: tuple[int, KeptInputs] | None = None,
    keep: KeptInputs | None = None,
    start: int | None = None,
    progress: Progress = silent,
    what: str = "queries",
    each: Callable[[tuple[int, ...], Readout], object] | None = None,
) -> Readout:
    """Run every query on the prefix's keys and values and read label scores and top tokens at its target position.

    Args:
        context: keys and values to use instead of the prefix's own (a compressed or edited cache).
        target_edits: per layer, an edit of the target row; its `rows` are set here.
        top: how many vocabulary tokens to return per query.
        with_target: also return what the target position has in every layer. Not of another `context`, in which the
            anchors would stand elsewhere.
        observe: called with the queries of a batch, a layer, and its heads.
        resume: restart at this layer from what an earlier read of the same queries kept; its result must be the same
            below.
        keep: filled with the layers' inputs.
        start: position of each query's first token, where it is not the prefix's length.
        each: is told the queries of a batch and what was read of them, in their order and without the target, as soon
            as they are read; the same numbers are in what is returned.
    """
    n = len(encoded.queries)
    top = min(top, int(model.model.get_output_embeddings().weight.shape[0]))
    first_tokens = sorted({ids[0] for ids in encoded.label_tokens})
    shared = context if context is not None else prefix.key_values
    words = label_words(encoded, model)
    start = len(encoded.prefix) if start is None else start
    assert not with_target or (context is None and keep is None)
    target = TargetReader(encoded, target_edits) if with_target else None
    at_target = slice(-words.rows, 1 - words.rows or None)
    done = 0

    def ask(layer: int) -> None:
        progress(what, done, n)

    def read(whole: QueryBatch, hidden: Tensor | None, rows: slice) -> _Read:
        part = whole.rows(rows)

        def watch(layer: int, heads: Heads, output: Tensor) -> None:
            if target is not None:
                target.observe(layer, heads, words.rows)
            if observe is not None:
                observe(part.indices, layer, heads)

        if target is not None:
            target.forget()  # a piece that memory did not do for
        model.turns.give_way()
        run = model.run(
            part.batch,
            context=shared,
            edits=words.edits(target_edits, model, part.batch.ids.shape[1], shared[-1].keys.shape[2]),
            observe=watch,
            resume=Resume(resume[0], hidden[rows]) if resume is not None and hidden is not None else None,
            keep=words.rows,
            keep_inputs=at_target if target is not None else keep is not None,
            before_layer=ask,
        )
        taken = target.taken(part.indices, run.inputs) if target else None
        votes = encoded.votes(part.indices)
        return _Read.of(part.indices, words, run, taken, first_tokens, top, votes)

    def say(note: str) -> None:
        progress(f"{what} ({note})", done, n)

    progress(what, 0, n)
    found: list[_Read] = []
    rows = [query.ids for query in encoded.queries]
    stem = common_start(rows) if model.device.type == "cpu" else 0  # a GPU takes as long for it as for all
    if stem:
        shared = _Stem(rows[0][:stem], start, ask).after(model, shared, resume, keep)
    batches = query_batches(model, [ids[stem:] for ids in rows], start + stem, words)
    for number, part in enumerate(batches, start=1 if stem else 0):
        hidden = None if resume is None else resume[1].by_layer[resume[0]][number]
        pieces = in_pieces(model, slice(0, len(part.indices)), partial(read, part, hidden), say)
        found += pieces
        if each is not None:
            each(tuple(index for piece in pieces for index in piece.indices), _joined(pieces))
        if keep is not None:
            inputs = [torch.cat(layer) for layer in zip(*(piece.inputs for piece in pieces), strict=True)]
            keep.add(resume[0] if resume else 0, inputs)
        done += len(part.indices)
        progress(what, done, n)
    order = np.argsort([index for piece in found for index in piece.indices])
    reached = (
        Target.joined([piece.target for piece in found if piece.target is not None], order) if with_target else None
    )
    return _joined(found, order, reached)


@dataclass(frozen=True)
class _Read:
    """What was read of some queries: the fields of Readout, and the layers' inputs where they are kept."""

    indices: tuple[int, ...]
    scores: FloatArray
    plain: FloatArray
    tokens: IntArray
    chances: FloatArray
    mass: FloatArray
    target: Target | None
    inputs: tuple[Tensor, ...]

    @staticmethod
    def of(
        indices: tuple[int, ...],
        words: LabelWords,
        run: Run,
        target: Target | None,
        first_tokens: list[int],
        top: int,
        votes: FloatArray,
    ) -> _Read:
        log_probabilities = run.logits[:, 0].float().log_softmax(-1)  # (B, V) at the target
        best = log_probabilities.topk(top)
        mass = log_probabilities[:, first_tokens].double().exp().sum(1, keepdim=True)
        plain = words.plain_scores(run.logits)
        scores = words.calibrated(plain)
        # Ids are whole in it.
        columns = (scores.double(), plain.double(), mass, best.values.double(), best.indices.double())
        at_once = torch.cat(columns, dim=1).cpu().numpy()  # one transfer a batch
        ends = np.cumsum([part.shape[1] for part in columns[:-1]])
        own_scores, own_plain, own_mass, values, ids = np.split(at_once, ends, 1)
        checked = np.hstack([own_scores, values[:, :1]])  # a token beside the labels may overflow
        require_finite(torch.from_numpy(checked), words.dtype)
        return _Read(
            indices,
            own_scores + votes,
            own_plain,
            ids.astype(np.int64),
            values,
            own_mass[:, 0],
            target,
            () if target is not None else run.inputs,
        )


def _joined(pieces: Sequence[_Read], order: IntArray | None = None, target: Target | None = None) -> Readout:
    """Pieces one behind the other, and all their rows in this order."""

    def whole(values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        joined = np.concatenate(values)
        return joined if order is None else joined[order]

    return Readout(
        whole([piece.scores for piece in pieces]),
        whole([piece.plain for piece in pieces]),
        whole([piece.tokens for piece in pieces]),
        whole([piece.chances for piece in pieces]),
        whole([piece.mass for piece in pieces]),
        target,
    )


def common_start(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens, such as the template's "Question:", begin every row and may be run once for all of them.

    At least one token is left to each row. For a few rows a pass of its own is not worth it: 0.
    """
    if len(rows) < _ROWS_WORTH_A_STEM:
        return 0
    longest = min(len(row) for row in rows) - 1
    first, last = min(map(tuple, rows)), max(map(tuple, rows))  # in lexical order: what these two share, all share
    return next((index for index in range(longest) if first[index] != last[index]), longest)


@dataclass(frozen=True)
class _Stem:
    """The tokens that begin all queries, run as one row on the shared context."""

    ids: Sequence[int]
    start: int
    before_layer: Callable[[int], None]

    def after(
        self,
        model: InstrumentedModel,
        context: Sequence[KeyValues],
        resume: tuple[int, KeptInputs] | None,
        keep: KeptInputs | None,
    ) -> list[KeyValues]:
        """The context with the stem's keys and values behind it, from the resumed layer on; kept as batch 0."""
        own: list[KeyValues] = []
        first = resume[0] if resume else 0
        run = model.run(
            batch_of([self.ids], self.start, model.device),
            context=context,
            observe=lambda layer, heads, output: own.append(heads.key_values),
            resume=Resume(first, resume[1].by_layer[first][0]) if resume else None,
            keep_inputs=keep is not None,
            before_layer=self.before_layer,
        )
        if keep is not None:
            keep.add(first, run.inputs)
        joined = [old.then(new) for old, new in zip(context[first:], own, strict=True)]
        return [*context[:first], *joined]
