"""Anchor re-weighting: train how much each head listens to each demonstration's label word.

Wang et al. 2023, section 3.1 (arXiv 2305.14160):

    A'_{h,l}(q, p_i) = exp(beta^i_{h,l}) * A_{h,l}(q, p_i)        (no renormalisation)

beta has shape (layer, head, demonstration), starts at zero and is trained with Adam on the cross entropy of a few
labelled examples. Only the target's row changes, so with the keys and values of everything before it cached, one step
is the forward and backward pass of one token. All tokens of a label word share its beta.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from icldiag.analyses.loyalty import Answers, compare
from icldiag.errors import AnalysisError
from icldiag.model.attention import Edit
from icldiag.model.forward import Batch, Edits, InstrumentedModel, Prefix, batch_of
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.label_words import label_words
from icldiag.model.readout import FloatArray, Progress, Readout, read_queries, silent
from icldiag.prompt.encode import EncodedPrompt, encode
from icldiag.prompt.schema import Example, Prompt


@dataclass(frozen=True)
class TrainingSettings:
    """How beta is trained; the defaults are the paper's (learning rate as in its text)."""

    per_class: int = 4
    epochs: int = 10
    learning_rate: float = 0.01
    batch_size: int = 1  # 0 takes all examples in one step
    patience: int | None = None  # stop after so many epochs without a lower loss; None never stops early
    seed: int = 0


@dataclass(frozen=True)
class Reweighting:
    """A trained beta and what it did to the queries."""

    beta: NDArray[np.float32]  # (L, H, demonstrations)
    settings: TrainingSettings
    examples: int
    loss: tuple[float, ...]  # mean per epoch, each step's taken before its update
    loss_per_step: FloatArray  # (epochs, steps)
    before: Answers
    after: Answers

    @property
    def changed(self) -> tuple[int, ...]:
        """Queries whose predicted label changed."""
        return self.after.flipped


def draw_examples(prompt: Prompt, per_class: int, seed: int) -> tuple[Example, ...]:
    """Draw labelled examples that are neither demonstrations nor queries, taking turns between the classes.

    Raises:
        AnalysisError: the prompt has too few `examples`.
    """
    used = {example.text for example in (*prompt.demonstrations, *prompt.queries)}
    generator = random.Random(seed)
    by_class: list[list[Example]] = [[] for _ in prompt.labels]
    for example in prompt.examples:
        if example.label is not None and example.text not in used:
            by_class[example.label].append(example)
    drawn = []
    for label, found in zip(prompt.labels, by_class, strict=True):
        if len(found) < per_class:
            raise AnalysisError(
                f"re-weighting needs {per_class} labelled examples of {label.name!r} that are not in the prompt, the "
                f"field 'examples' has {len(found)}; add some, or train on fewer per class"
            )
        drawn.append(generator.sample(found, per_class))
    return tuple(example for turn in zip(*drawn, strict=True) for example in turn)


def beta_edits(encoded: EncodedPrompt, beta: Tensor) -> Edits:
    """Edits of the target row (rows are set by whoever runs them) for beta (L, H, demonstrations)."""
    columns, owner = [], []
    for index, demonstration in sorted(enumerate(encoded.demonstrations), key=lambda pair: pair[1].anchor):
        for position in range(*demonstration.label):
            columns.append(position)
            owner.append(index)
    where, of = torch.tensor(columns, device=beta.device), torch.tensor(owner, device=beta.device)
    first_row = torch.tensor([0], device=beta.device)
    return {layer: Edit(first_row, None, where, beta[layer][:, of]) for layer in range(beta.shape[0])}


def reweight(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    before: Readout,
    settings: TrainingSettings | None = None,
    *,
    examples: Sequence[Example] | None = None,
    progress: Progress = silent,
) -> Reweighting:
    """Train beta on examples drawn from the prompt's (or those given, in their order) and answer the queries with it.

    Raises:
        AnalysisError: too few examples.
        PromptError: an example makes a prompt longer than the context window.
    """
    settings = settings or TrainingSettings()
    if examples is None:
        examples = draw_examples(encoded.prompt, settings.per_class, settings.seed)
    beta, losses = train_beta(model, encoded, prefix, examples, settings, progress)
    edits = beta_edits(encoded, beta)
    after = read_queries(model, encoded, prefix, target_edits=edits, progress=progress, what="queries with beta")
    gold = tuple(query.label for query in encoded.prompt.queries)
    return Reweighting(
        beta=beta.cpu().numpy(),
        settings=settings,
        examples=len(examples),
        loss=tuple(float(epoch.mean()) for epoch in losses),
        loss_per_step=losses,
        before=compare(before, before, gold),
        after=compare(before, after, gold),
    )


def train_beta(
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    examples: Sequence[Example],
    settings: TrainingSettings,
    progress: Progress = silent,
) -> tuple[Tensor, FloatArray]:
    """Train beta: (L, H, demonstrations), and the loss of every step: (epochs, steps)."""
    cached = _cache_examples(model, encoded, prefix, examples, settings.batch_size or len(examples))
    beta = torch.zeros(model.n_layers, model.n_heads, len(encoded.demonstrations), device=model.device)
    beta.requires_grad_()
    optimizer = torch.optim.Adam([beta], lr=settings.learning_rate)
    words = label_words(encoded)
    losses: list[list[float]] = []
    best, since = float("inf"), 0
    for epoch in range(settings.epochs):
        losses.append([])
        for done, part in enumerate(cached):
            progress("re-weighting", epoch * len(cached) + done, settings.epochs * len(cached))
            earlier = len(prefix.ids) + part.past[0].keys.shape[2]
            run = model.run(
                part.batch,
                context=prefix.key_values,
                past=part.past,
                edits=words.edits(beta_edits(encoded, beta), model, words.rows, earlier),
                keep=words.rows,
            )
            loss = torch.nn.functional.cross_entropy(words.scores(run.logits), part.labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses[-1].append(float(loss.detach()))
        mean = float(np.mean(losses[-1]))
        best, since = (mean, 0) if mean < best else (best, since + 1)
        if settings.patience is not None and since >= settings.patience:
            break
    progress("re-weighting", settings.epochs * len(cached), settings.epochs * len(cached))
    return beta.detach(), np.array(losses)


@dataclass(frozen=True)
class _CachedExamples:
    """Examples up to their last token: what one training step attends to and runs."""

    batch: Batch  # the last tokens, and those of the label words that are scored, (B, 1 + N)
    past: tuple[KeyValues, ...]
    labels: Tensor  # (B,)


@torch.no_grad()
def _cache_examples(
    model: InstrumentedModel, encoded: EncodedPrompt, prefix: Prefix, examples: Sequence[Example], size: int
) -> list[_CachedExamples]:
    as_queries = encode(encoded.prompt.with_queries(examples), model.tokenizer, model.context_window)
    prompts = [(*as_queries.prefix, *query.ids) for query in as_queries.queries]
    if any(ids[: len(prefix.ids)] != prefix.ids for ids in prompts):
        raise AnalysisError("the tokenizer joins an example with what precedes it; end the separator with a line break")
    whole = [ids[len(prefix.ids) :] for ids in prompts]
    cached = []
    for start in range(0, len(whole), size):
        rows, part = whole[start : start + size], examples[start : start + size]
        earlier = batch_of([row[:-1] for row in rows], len(prefix.ids), model.device)
        past: list[KeyValues] = []

        def keep(layer: int, heads: Heads, output: Tensor, past: list[KeyValues] = past) -> None:
            past.append(heads.key_values)

        model.run(earlier, context=prefix.key_values, observe=keep)
        last = torch.tensor([[row[-1]] for row in rows], device=model.device)
        labels = torch.tensor([example.label for example in part], device=model.device)
        positions = earlier.positions[:, -1:] + 1
        batch = label_words(encoded).after(Batch(last, positions, earlier.padding))
        cached.append(_CachedExamples(batch, tuple(past), labels))
    return cached


# ---- files ----------------------------------------------------------------------------------------------------------


def save_beta(path: Path, beta: NDArray[np.float32], model_name: str, prompt: Prompt) -> None:
    """Write beta as safetensors, with the model's name and the prompt's hash beside it.

    Raises:
        AnalysisError: the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    metadata = {"format": "icldiag-beta/1", "model": model_name, "prompt": demonstrations_hash(prompt)}
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        save_file({"beta": np.ascontiguousarray(beta)}, temporary, metadata)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise AnalysisError(f"cannot write beta to {path} ({error}); choose another place") from None


def load_beta(path: Path, prompt: Prompt, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Read a saved beta.

    Raises:
        AnalysisError: the file is missing or no beta, or belongs to another model's shape or other demonstrations.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "numpy") as file:
            metadata, beta = file.metadata() or {}, file.get_tensor("beta")
    except (OSError, SafetensorError) as error:
        raise AnalysisError(f"{path}: not a saved beta ({str(error).splitlines()[0]})") from None
    if beta.shape != shape:
        raise AnalysisError(f"{path}: beta has shape {beta.shape}, this model and prompt need {shape}")
    if metadata.get("prompt") != demonstrations_hash(prompt):
        raise AnalysisError(f"{path}: this beta was trained for other demonstrations; train it again")
    return np.asarray(beta, np.float32)


def demonstrations_hash(prompt: Prompt) -> str:
    """Of all that beta depends on: the prompt without its queries and examples."""
    from dataclasses import replace

    return replace(prompt, queries=(), examples=()).hash
