"""Training beta: Adam on the cross entropy of a few examples, a step a pass of one token."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from icldiag.analyses.reweighting.recording import recorded_where_possible
from icldiag.analyses.reweighting.step import StepExamples, plain_step
from icldiag.arguments import Count, Index, Natural, Rate, Seed, check_fields
from icldiag.errors import AnalysisError
from icldiag.lazy import no_grad, torch
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.label_words import label_words
from icldiag.model.padding import Batch, batch_of, padding_of
from icldiag.model.precision import in_float32
from icldiag.model.query_batches import rows_per_batch
from icldiag.model.readout import FloatArray, Progress, silent
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example

if TYPE_CHECKING:
    from torch import Tensor

PAPER_TEXT_RATE, PAPER_CODE_RATE = 0.01, 0.1  # Adam's learning rate in the paper's text, and its code's default

SomeHeads = Annotated[tuple[tuple[Index, Index], ...], Field(strict=False)]  # or a list


@dataclass(frozen=True)
class TrainingSettings:
    """How beta is trained; the defaults are the paper's (learning rate as in its text).

    heads: only these, (layer, head), are weighted, () for all; "anchor" those that `RankHeads` finds for label words.
    """

    per_class: Count = 4
    epochs: Count = 10
    learning_rate: Rate = PAPER_TEXT_RATE
    batch_size: Natural = 1  # 0 takes all examples in one step
    patience: Count | None = None  # stop after so many epochs without a lower loss; None never stops early
    seed: Seed = 0
    heads: Literal["anchor"] | SomeHeads = ()

    def __post_init__(self) -> None:
        check_fields(self)


def silent_epoch(loss: float) -> None:
    """For callers that do not watch the training."""


def train_beta(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    examples: Sequence[Example],
    settings: TrainingSettings,
    progress: Progress = silent,
    each_epoch: Callable[[float], object] = silent_epoch,
) -> tuple[Tensor, FloatArray]:
    """Train beta: (L, H, demonstrations), and the loss of every step: (epochs, steps). Of other heads it stays 0.

    In float32 also of a half-precision model, where memory holds its weights so: steps in bfloat16 moved beta by up to
    0.19 on the bundled model, these by 0.07, which is what the rounded weights do.
    """
    with in_float32(model) as exact:
        if not exact:
            model.notes.append(
                f"beta was trained in {str(model.dtype).removeprefix('torch.')}, for memory does not hold the model in "
                "float32; values may be off by 0.2"
            )
        elif prefix.key_values[0].keys.dtype != model.dtype:
            prefix = model.encode_prefix(prefix.ids)
        return _train(model, encoded, prefix, examples, settings, progress, each_epoch)


def _train(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    examples: Sequence[Example],
    settings: TrainingSettings,
    progress: Progress,
    each_epoch: Callable[[float], object],
) -> tuple[Tensor, FloatArray]:
    alike = model.device.type != "cpu"  # a GPU takes as long for padding, and can repeat what has one shape
    size = settings.batch_size or len(examples)
    cached = step_examples(model, encoded, prefix, examples, size, alike, progress)
    beta = torch.zeros(model.n_layers, model.n_heads, len(encoded.demonstrations), device=model.device)
    beta.requires_grad_()
    weighted = torch.ones_like(beta)
    if settings.heads:
        weighted = torch.zeros_like(beta)
        weighted[tuple(torch.tensor(settings.heads).T)] = 1
    optimizer = torch.optim.Adam([beta], lr=settings.learning_rate)
    step = recorded_where_possible(plain_step(model, encoded, prefix), model, beta, cached, settings.epochs)
    losses: list[list[float]] = []
    best, since = float("inf"), 0
    for epoch in range(settings.epochs):
        steps: list[Tensor] = []  # on the device until the epoch ends: each transfer would make a GPU wait
        for done, part in enumerate(cached):
            progress("re-weighting", epoch * len(cached) + done, settings.epochs * len(cached))
            model.turns.give_way()
            loss, gradient = step(beta, part)
            beta.grad = gradient * weighted
            optimizer.step()
            steps.append(loss)
        losses.append(torch.stack(steps).tolist())
        mean = float(np.mean(losses[-1]))
        if not math.isfinite(mean):
            raise AnalysisError(
                f"re-weighting diverged: in epoch {epoch + 1} the loss is not a finite number; use a learning rate "
                f"below {settings.learning_rate:g}"
            )
        each_epoch(mean)
        best, since = (mean, 0) if mean < best else (best, since + 1)
        if settings.patience is not None and since >= settings.patience:
            break
    progress("re-weighting", settings.epochs * len(cached), settings.epochs * len(cached))
    return beta.detach(), np.array(losses)


@no_grad
def step_examples(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    examples: Sequence[Example],
    size: int,
    alike: bool,
    progress: Progress,
) -> list[StepExamples]:
    """The examples of every step, up to their last token; `alike` pads all to one width, and not each step's alone."""
    as_queries = encode(encoded.prompt.with_queries(examples), *model.reader)
    prompts = [(*as_queries.prefix, *query.ids) for query in as_queries.queries]
    if any(ids[: len(prefix.ids)] != prefix.ids for ids in prompts):
        raise AnalysisError("the tokenizer joins an example with what precedes it; end the separator with a line break")
    whole = [ids[len(prefix.ids) :] for ids in prompts]
    # A row of one token has nothing earlier: what stands in for it is cut off with the padding.
    earlier = batch_of([row[:-1] or row for row in whole], len(prefix.ids), model.device)
    past = _key_values(model, earlier, prefix, progress)
    columns = earlier.ids.shape[1]
    widths = [len(row) - 1 for row in whole]
    words = label_words(encoded, model)
    cached = []
    for start in range(0, len(whole), size):
        rows = slice(start, start + size)
        beside = widths if alike else widths[rows]
        width = max(beside)  # the padding that all these rows have is cut off
        last = torch.tensor([[row[-1]] for row in whole[rows]], device=model.device)
        labels = torch.tensor([example.label for example in examples[rows]], device=model.device)
        places = [own + len(prefix.ids) for own in widths[rows]]
        positions = torch.tensor(places, device=model.device)[:, None]  # (B, 1)
        padding = padding_of(beside, model.device)
        if padding is not None and alike:
            padding = padding[rows]
        batch = words.after(Batch(last, positions, padding, (min(places), max(places))))
        own = slice(columns - width, columns)
        own_past = tuple(
            KeyValues(part.keys[rows, :, own], part.values[rows, :, own], part.positions[rows, own], part.last)
            for part in past
        )
        votes = torch.from_numpy(as_queries.votes(range(len(whole))[rows])).float().to(model.device)
        cached.append(StepExamples(batch, own_past, labels, votes))
    return cached


def _key_values(model: InstrumentedModel, batch: Batch, prefix: Prefix, progress: Progress) -> list[KeyValues]:
    """Every layer's keys and values of a padded batch on the demonstrations' cache, a bounded part of it at a time."""
    count, width = batch.ids.shape
    size = rows_per_batch(model, width, len(prefix.ids))
    parts: list[list[KeyValues]] = [[] for _ in range(model.n_layers)]

    def keep(layer: int, heads: Heads, output: Tensor) -> None:
        parts[layer].append(heads.key_values)

    for start in range(0, count, size):
        rows = slice(start, start + size)

        def ask(layer: int, start: int = start) -> None:
            progress("re-weighting: examples", start, count)

        model.run(batch.rows(rows), context=prefix.key_values, observe=keep, before_layer=ask)
    return [
        KeyValues(
            torch.cat([part.keys for part in of_layer]),
            torch.cat([part.values for part in of_layer]),
            torch.cat([part.positions for part in of_layer]),
            max(part.last for part in of_layer),
        )
        for of_layer in parts
    ]
