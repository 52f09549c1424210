"""How a model's answer is scored against the label words: by their first tokens, or by the whole words.

Of `terminated` words, what ends a label in the demonstrations is scored too, so that all labels' probabilities sum to
at most 1; `per_token` and `per_byte` divide a word's log-probability by its length. `pmi` subtracts the word's
log-probability without texts and demonstrations, after the template's own end alone (Brown et al. 2020, 2.4, arXiv
2005.14165; Holtzman et al. 2021, PMI_DC, arXiv 2104.08315).

A whole word's score is the sum of its tokens' conditional log-probabilities. All words are read in one pass: after the
target stand the tokens of every word but each word's last, as branches of a tree,

    ... Answer Type :   bra (of "bravo charlie")   bra vo (of "bra vo delta")   ...

Each token has the position it would have if its word followed alone, and does not see the other words. So all labels,
and all queries of a batch, share the demonstrations' cache and the query's own keys and values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.model.finite import require_finite
from icldiag.model.forward import InstrumentedModel
from icldiag.model.padding import Batch, batch_of
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor


@lru_cache(maxsize=256)
def _on(device: torch.device, numbers: tuple[Any, ...], dtype: torch.dtype) -> Tensor:
    """Numbers on a device; brought there once, for a GPU waits for what a pass brings."""
    return torch.tensor(numbers, device=device, dtype=dtype)


@dataclass(frozen=True)
class LabelWords:
    """C label words after the target, N further tokens."""

    given: tuple[int, ...]  # (N,) tokens read after the target
    steps: tuple[int, ...]  # (N,) positions after the target's
    hidden: Tensor  # (N, N) bool: this row's word is not that column's
    read: tuple[tuple[tuple[int, int], ...], ...]  # per class: (row, token) of what is scored; row 0 is the target
    calibration: Calibration | None
    whole: bool
    dtype: torch.dtype  # of the model
    lengths: tuple[int, ...] | None = None  # (C,) that log-probabilities are divided by
    unconditional: tuple[float, ...] | None = None  # (C,) that is subtracted from them

    @property
    def rows(self) -> int:
        """The target and the tokens after it."""
        return 1 + len(self.given)

    @property
    def vocabulary(self) -> tuple[int, ...] | None:
        """The only tokens whose logits are needed; None for all."""
        return None if self.whole else tuple(token for ((_, token),) in self.read)

    def scores(self, logits: Tensor, of: tuple[int, ...] | None = None) -> Tensor:
        """Logits of the target and the tokens after it (B, 1 + N, V) -> label scores (B, C), in float32.

        Logits of the first tokens, or log-probabilities of the whole words, with the prompt's calibration.

        Args:
            of: the logits are those of these tokens alone, which are `vocabulary`: (B, 1, C).

        Raises:
            NotFinite: one of the scores is no finite number.
        """
        return self.calibrated(self.plain_scores(logits, of))

    def calibrated(self, plain: Tensor) -> Tensor:
        """Label scores with the prompt's calibration. Raises NotFinite."""
        scores = self._calibrated(plain)
        require_finite(scores, self.dtype, None if self.calibration is None else self.calibration.kind)
        return scores

    def unchecked_scores(self, logits: Tensor, of: tuple[int, ...] | None = None) -> Tensor:
        """The same without the check, for which a GPU would wait: what is made of them has to be checked."""
        return self._calibrated(self.plain_scores(logits, of))

    def plain_scores(self, logits: Tensor, of: tuple[int, ...] | None = None) -> Tensor:
        """The same before the calibration."""
        logits = logits.float()
        if of is not None:
            return logits[:, 0]
        norms = logits.logsumexp(-1) if self.whole else torch.zeros_like(logits[..., 0])  # (B, 1 + N)
        scores = []
        for word in self.read:
            rows, tokens = (_on(logits.device, part, torch.long) for part in zip(*word, strict=True))
            scores.append((logits[:, rows, tokens] - norms[:, rows]).sum(1))  # (B,)
        found = torch.stack(scores, dim=1)
        if self.lengths is not None:
            found = found / _on(found.device, self.lengths, torch.float32)
        if self.unconditional is not None:
            found = found - _on(found.device, self.unconditional, torch.float32)
        return found

    def _calibrated(self, scores: Tensor) -> Tensor:
        """(B, C) -> (B, C)"""
        if self.calibration is None:
            return scores
        by = self.calibration
        bias = _on(scores.device, by.bias, torch.float32)  # (C,)
        log_probabilities = scores if self.whole else scores.log_softmax(1)
        if by.scale is not None:
            return log_probabilities * _on(scores.device, by.scale, torch.float32) + bias
        if by.matrix is not None:
            return log_probabilities @ _on(scores.device, by.matrix, torch.float32).T + bias
        return scores + bias

    def after(self, batch: Batch) -> Batch:
        """The batch with the words' tokens after each row's last: (B, T) -> (B, T + N)."""
        if not self.given:
            return batch
        given = torch.tensor(self.given, device=batch.ids.device).expand(len(batch.ids), -1)
        steps = torch.tensor(self.steps, device=batch.ids.device)
        positions = torch.cat([batch.positions, batch.positions[:, -1:] + steps], dim=1)
        span = batch.span[0], batch.span[1] + max(self.steps)
        return replace(batch, ids=torch.cat([batch.ids, given], dim=1), positions=positions, span=span)

    def edits(self, edits: Edits | None, model: InstrumentedModel, new: int, earlier: int) -> Edits:
        """Edits of the target row, for the target and the words' tokens, which do not see each other's words.

        Args:
            edits: per layer; their rows are set here.
            new, earlier: tokens of the batch with the words in it, and tokens of context and past before it.
        """
        rows = torch.arange(new - self.rows, new, device=model.device)
        if not self.given:
            return {layer: replace(edit, rows=rows) for layer, edit in (edits or {}).items()}
        words = torch.nn.functional.pad(self.hidden.to(model.device), (earlier + new - len(self.given), 0, 1, 0))
        placed = {}
        for layer in range(model.n_layers):
            edit = (edits or {}).get(layer, Edit(rows))
            blocked, factor = words, edit.factor
            if edit.blocked is not None and edit.renormalise:
                own = edit.blocked.to(model.device)
                blocked = words | torch.nn.functional.pad(own, (0, words.shape[1] - own.shape[1]))
            elif edit.blocked is not None:  # after the softmax, where the other words are hidden before it
                own = (~edit.blocked[:1]).to(model.device, torch.float32).expand(model.n_heads, -1)  # (H, N)
                factor = own if factor is None else own * factor.to(own.device)
            placed[layer] = Edit(rows, blocked, factor)
        return placed


def label_words(encoded: EncodedPrompt, model: InstrumentedModel) -> LabelWords:
    """The prompt's label words, scored as it says; with `scoring: pmi` the model is asked for them once."""
    whole = encoded.prompt.whole_words
    given: list[int] = []
    steps: list[int] = []
    word_of: list[int] = []
    read = []
    for label, tokens in enumerate(encoded.scored_tokens):
        scored = [(0, tokens[0])]
        for step, (token, following) in enumerate(pairwise(tokens), start=1):
            if whole:
                given.append(token)
                steps.append(step)
                word_of.append(label)
                scored.append((len(given), following))
        read.append(tuple(scored))
    owner = torch.tensor(word_of)
    hidden = owner[:, None] != owner[None, :]  # (N, N)
    words = LabelWords(
        tuple(given),
        tuple(steps),
        hidden,
        tuple(read),
        encoded.prompt.calibration,
        whole,
        model.dtype,
        lengths(encoded),
    )
    if encoded.unconditional is None:
        return words
    return replace(words, unconditional=unconditional(words, encoded.unconditional, model))


@no_grad
def unconditional(words: LabelWords, context: tuple[int, ...], model: InstrumentedModel) -> tuple[float, ...]:
    """(C,) log-probabilities of the words after this context alone, asked of the model once."""
    key = (context, words.read, words.given)
    if key not in model.unconditional:
        batch = words.after(batch_of([context], 0, model.device))
        run = model.run(batch, edits=words.edits(None, model, batch.ids.shape[1], 0), keep=words.rows)
        scores = replace(words, calibration=None).scores(run.logits)[0]
        model.unconditional[key] = tuple(map(float, scores))
    return model.unconditional[key]


def lengths(encoded: EncodedPrompt) -> tuple[int, ...] | None:
    """What each label's log-probability is divided by: its tokens, or the bytes of its word without spaces around it.

    The latter is acc_bytes of lm-evaluation-harness and, of ASCII words, its acc_norm.
    """
    if encoded.prompt.scoring == "per_token":
        return tuple(len(tokens) for tokens in encoded.label_tokens)
    if encoded.prompt.scoring == "per_byte":
        return tuple(len(label.word.strip().encode()) for label in encoded.prompt.labels)
    return None
