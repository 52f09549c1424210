"""What a whole prompt has in every layer, and the same prompt run on with some of it from another.

A patched pass begins at the layer and the first token that are changed: all that is before either is as it was.

Shapes: T tokens of the prompt, N tokens of label words after it, L layers, D width, H heads, d width of a head,
R = 1 + N rows at the target and after it, C labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Resume
from icldiag.model.gradients import LayerGradient, layer_gradients
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.label_words import LabelWords
from icldiag.model.padding import Batch, batch_of
from icldiag.model.query_batches import rows_per_batch
from icldiag.model.readout import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

BeforeLayer = Callable[[int], None]
_T = TypeVar("_T")
_ROWS = 512
_FEW = 8  # tokens of a row that is worth batching on a CPU


@dataclass(frozen=True)
class States:
    """One prompt, run once."""

    ids: tuple[int, ...]  # (T,)
    inputs: tuple[Tensor, ...]  # per layer (T + N, D), and the last one's output
    key_values: tuple[KeyValues, ...]  # per layer, (1, K, T + N, d)
    outputs: tuple[Tensor, ...]  # per layer (H, R, d) of the heads, at the target and after it
    scores: FloatArray  # (C,)

    def lead(self, answer: int, rival: int) -> float:
        return float(self.scores[answer] - self.scores[rival])


@dataclass(frozen=True)
class Replacement:
    """States that take the place of a layer's input at some positions."""

    positions: tuple[int, ...]
    values: Tensor  # (positions, D)


class Runner:
    """Runs whole prompts that are scored by the same label words.

    Args:
        votes: (C,) added to every score.
    """

    def __init__(
        self, model: InstrumentedModel, words: LabelWords, votes: FloatArray, before_layer: BeforeLayer
    ) -> None:
        self.model, self.words, self.votes, self.before_layer = model, words, votes, before_layer

    @no_grad
    def record(self, ids: Sequence[int]) -> States:
        caches: list[KeyValues] = []
        outputs: list[Tensor] = []
        rows = self.words.rows

        def observe(layer: int, heads: Heads, output: Tensor) -> None:
            caches.append(heads.key_values)
            outputs.append(output[0, :, -rows:].clone())

        batch = self._batch(ids, 0, 1)
        run = self.model.run(
            batch,
            edits=self.words.edits(None, self.model, batch.ids.shape[1], 0),
            observe=observe,
            keep=rows,
            tokens=self.words.vocabulary,
            keep_inputs=True,
            before_layer=self.before_layer,
        )
        inputs = tuple(hidden[0] for hidden in run.inputs)
        return States(tuple(ids), inputs, tuple(caches), tuple(outputs), self._scores(run.logits)[0])

    def gradients(self, states: States, answer: int, rival: int) -> Iterator[LayerGradient]:
        """Of the lead, with respect to each layer's input and its heads' outputs; deep layers first."""

        def lead(logits: Tensor) -> Tensor:
            scores = self.words.scores(logits[None])[0]
            return scores[answer] - scores[rival]

        batch = self._batch(states.ids, 0, 1)
        edits = self.words.edits(None, self.model, batch.ids.shape[1], 0)
        yield from layer_gradients(
            self.model, batch, lead, keep=self.words.rows, edits=edits, before_layer=self.before_layer
        )

    @no_grad
    def replaced(self, states: States, layer: int, patches: Sequence[Replacement]) -> tuple[FloatArray, list[Tensor]]:
        """Label scores (B, C) with each of B replacements, and each one's head outputs (H, R, d) in that layer."""
        first = min(min(patch.positions) for patch in patches)
        scores: list[FloatArray] = []
        outputs: list[Tensor] = []
        rows = self.words.rows

        def observe(at: int, heads: Heads, output: Tensor) -> None:
            if at == layer:
                outputs.extend(output[:, :, -rows:].clone())

        for part in self._parts(patches, states, first):
            hidden = states.inputs[layer][first:].repeat(len(part), 1, 1)  # (B, T + N - first, D)
            for row, patch in enumerate(part):
                places = torch.tensor(patch.positions, device=hidden.device) - first
                hidden[row, places] = patch.values.to(hidden)
            scores.append(self._run(states, first, len(part), Resume(layer, hidden), observe))
        return np.concatenate(scores), outputs

    @no_grad
    def hidden(self, states: States, layer: int, positions: Sequence[int]) -> tuple[FloatArray, Tensor]:
        """Label scores (C,) where no other token reads these from a layer on; the head outputs (H, R, d) in it."""
        first, rows = min(positions), self.words.rows
        outputs: list[Tensor] = []

        def observe(at: int, heads: Heads, output: Tensor) -> None:
            if at == layer:
                outputs.append(output[0, :, -rows:].clone())

        total = len(states.inputs[0])
        blocked = torch.zeros(total - first, total, dtype=torch.bool)
        readers = [place - first for place in range(first, total) if place not in set(positions)]
        blocked[torch.tensor(readers)[:, None], torch.tensor(list(positions))[None]] = True
        resume = Resume(layer, states.inputs[layer][None, first:])
        return self._run(states, first, 1, resume, observe, blocked=(layer, blocked))[0], outputs[0]

    @no_grad
    def with_heads(self, states: States, heads: Sequence[tuple[int, int]], values: Sequence[Tensor]) -> FloatArray:
        """Label scores (B, C), each with one head's output (R, d) at the target replaced, by (layer, head)."""
        first, device = len(states.ids) - 1, self.model.device
        scores = [np.zeros((0, len(self.votes)))]
        places = range(len(heads))
        for part in self._parts(places, states, first):

            def swap(layer: int, output: Tensor, part: Sequence[int] = part) -> Tensor:
                mine = [(row, heads[place][1], place) for row, place in enumerate(part) if heads[place][0] == layer]
                if not mine:
                    return output
                changed = output.clone()
                for row, head, place in mine:
                    changed[row, head] = values[place].to(changed)
                return changed

            hidden = states.inputs[0][first:].repeat(len(part), 1, 1).to(device)
            scores.append(self._run(states, first, len(part), Resume(0, hidden), swap=swap))
        return np.concatenate(scores)

    def _parts(self, patches: Sequence[_T], states: States, first: int) -> Iterator[Sequence[_T]]:
        """As many rows at once as memory holds; on a CPU one is as good as many."""
        width = len(states.inputs[0]) - first
        cpu = self.model.device.type == "cpu" and width > _FEW
        most = 1 if cpu else rows_per_batch(self.model, width, first)
        for start in range(0, len(patches), most):
            yield patches[start : start + most]

    def _run(
        self,
        states: States,
        first: int,
        count: int,
        resume: Resume,
        observe: Callable[[int, Heads, Tensor], None] | None = None,
        swap: Callable[[int, Tensor], Tensor] | None = None,
        blocked: tuple[int, Tensor] | None = None,
    ) -> FloatArray:
        """Go on from the first changed token: (B, C). `blocked` (new tokens, all tokens) holds from a layer on."""
        batch = self._batch(states.ids[first:], first, count)
        edits = self.words.edits(None, self.model, batch.ids.shape[1], first)
        if blocked is not None:
            edits = self._blocking(edits, *blocked)
        before = torch.arange(first)
        self.model.turns.give_way()
        run = self.model.run(
            batch,
            context=[replace(held.at(before.to(held.keys.device)), last=first - 1) for held in states.key_values]
            if first
            else None,
            edits=edits,
            observe=observe,
            resume=resume,
            keep=self.words.rows,
            tokens=self.words.vocabulary,
            before_layer=self.before_layer,
            swap=swap,
        )
        return self._scores(run.logits)

    def _blocking(self, edits: Edits, layer: int, blocked: Tensor) -> Edits:
        """Edits of the label words' rows as edits of all rows, in which more is blocked from a layer on."""
        rows, device = torch.arange(len(blocked), device=self.model.device), self.model.device
        found = dict(edits)
        for at in range(layer, self.model.n_layers):
            more = blocked.to(device)
            own = edits[at].blocked if at in edits else None
            if own is not None:
                more = more.clone()
                more[-self.words.rows :] |= own.to(device)
            found[at] = Edit(rows, more)
        return found

    def _batch(self, ids: Sequence[int], start: int, count: int) -> Batch:
        return self.words.after(batch_of([ids] * count, start, self.model.device))

    def _scores(self, logits: Tensor) -> FloatArray:
        scores = self.words.scores(logits, self.words.vocabulary)
        return np.asarray(scores.double().cpu().numpy() + self.votes)


@no_grad
def removed(one: LayerGradient, positions: Sequence[int]) -> Tensor:
    """First-order change of the loss if, in one layer, no other token's heads read these: others get their share.

    A number that stays on the device.

    A row o = sum_j a_j v_j becomes (o - sum_C a_j v_j) / (1 - sum_C a_j), its scores as they are.
    """
    columns = torch.tensor(list(positions), device=one.output.device)
    readers = torch.tensor(
        [row for row in range(min(positions) + 1, one.output.shape[2]) if row not in set(positions)],
        device=one.output.device,
    )
    total = torch.zeros((), dtype=torch.double, device=one.output.device)
    for start in range(0, len(readers), _ROWS):
        rows = readers[start : start + _ROWS]
        attention = one.heads.attention(rows)  # (1, H, R, T)
        rest = torch.zeros_like(attention)
        rest[..., columns] = attention[..., columns]
        share = rest.sum(-1, keepdim=True)  # (1, H, R, 1)
        output = one.output[:, :, rows]
        change = (output * share - one.heads.weigh(rest)) / (1 - share).clamp(min=1e-6)
        total += (change * one.of_output[:, :, rows]).double().sum()
    return total
