"""One step of training beta: the loss of a few examples and its gradient for beta, by a pass of one token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.heads import KeyValues
from icldiag.model.label_words import label_words
from icldiag.model.padding import Batch
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor


def beta_edits(encoded: EncodedPrompt, beta: Tensor) -> Edits:
    """Edits of the target row (rows are set by whoever runs them) for beta (L, H, demonstrations)."""
    return BetaEdits(encoded, beta.device).of(beta, len(encoded.prefix))


class BetaEdits:
    """The same for many a beta: which token has which demonstration's is on the device from the first on."""

    def __init__(self, encoded: EncodedPrompt, device: torch.device) -> None:
        tokens = [(position, index) for index, d in enumerate(encoded.demonstrations) for position in range(*d.label)]
        self._columns, self._owner = torch.tensor(tokens, device=device).T
        self._first_row = torch.tensor([0], device=device)

    def of(self, beta: Tensor, width: int) -> Edits:
        """With factors of so many columns, at least the demonstrations'."""
        factor = torch.ones(*beta.shape[:2], width, device=beta.device)  # (L, H, width)
        factor = factor.index_copy(2, self._columns, beta.exp().index_select(2, self._owner))
        return {layer: Edit(self._first_row, factor=of_layer) for layer, of_layer in enumerate(factor.unbind())}


@dataclass(frozen=True)
class StepExamples:
    """Examples up to their last token: what one training step attends to and runs."""

    batch: Batch  # the last tokens, and those of the label words that are scored, (B, 1 + N)
    past: tuple[KeyValues, ...]
    labels: Tensor  # (B,)
    votes: Tensor  # (B, C)

    @property
    def tensors(self) -> list[Tensor]:
        """All that one step reads and another does not, beside beta."""
        own = [tensor for layer in self.past for tensor in (layer.keys, layer.values, layer.positions)]
        padding = [] if self.batch.padding is None else [self.batch.padding]
        return [self.batch.ids, self.batch.positions, *padding, self.labels, self.votes, *own]

    def copy(self) -> StepExamples:
        """The same numbers in memory of their own."""
        padding = None if self.batch.padding is None else self.batch.padding.clone()
        return StepExamples(
            replace(self.batch, ids=self.batch.ids.clone(), positions=self.batch.positions.clone(), padding=padding),
            tuple(
                replace(layer, keys=layer.keys.clone(), values=layer.values.clone(), positions=layer.positions.clone())
                for layer in self.past
            ),
            self.labels.clone(),
            self.votes.clone(),
        )


#: beta (L, H, demonstrations), which takes gradients, and examples -> their mean loss and its gradient for beta
Step = Callable[["Tensor", StepExamples], "tuple[Tensor, Tensor]"]


def plain_step(model: InstrumentedModel, encoded: EncodedPrompt, prefix: Prefix) -> Step:
    """The step as the model's own code does it.

    It asks the device for no number and, from the second call on, brings none there: it can be recorded.
    """
    words = label_words(encoded, model)
    words = replace(words, hidden=words.hidden.to(model.device))
    vocabulary = words.vocabulary
    tokens = None if vocabulary is None else torch.tensor(vocabulary, device=model.device)
    edits = BetaEdits(encoded, model.device)

    def step(beta: Tensor, part: StepExamples) -> tuple[Tensor, Tensor]:
        earlier = len(prefix.ids) + part.past[0].keys.shape[2]
        run = model.run(
            part.batch,
            context=prefix.key_values,
            past=part.past,
            edits=words.edits(edits.of(beta, earlier + words.rows), model, words.rows, earlier),
            keep=words.rows,
            tokens=tokens,
        )
        scores = words.unchecked_scores(run.logits, vocabulary) + part.votes
        loss = torch.nn.functional.cross_entropy(scores, part.labels)
        return loss.detach(), torch.autograd.grad(loss, [beta])[0]

    return step
