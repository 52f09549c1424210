"""Gradients of a loss with respect to every layer's attention output, without one stored T x T matrix.

Weights need no gradient, and the graph begins at the first layer's attention output: nothing before it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from icldiag.lazy import torch
from icldiag.model.attention import Pass, active
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Resume
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import Batch
from icldiag.model.swaps import changing_input

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Tensor"], "Tensor"]  # the logits of the last tokens (keep, V) -> a number


def attention_gradients(
    model: InstrumentedModel,
    batch: Batch,
    loss: Loss,
    *,
    keep: int = 1,
    context: Sequence[KeyValues] | None = None,
    edits: Edits | None = None,
    recompute: bool = False,
    inputs: list[Tensor] | None = None,
    of_input: list[Tensor] | None = None,
    before_layer: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, Heads, Tensor, Tensor]]:
    """Yield (layer, its heads, dL/dO (1, H, T, d), the loss) for every layer of one prompt; deep layers first.

    The loss is a number that stays on its device: a GPU need not be waited for.

    Args:
        batch: one whole prompt, or what follows the `context`; the loss is taken at its last `keep` tokens.
        recompute: keep only the layers' inputs and compute each layer again when its turn comes: about one more
            forward in time, and memory for one layer's activations instead of all.
        inputs: filled with every layer's input, and the last one's output, (1, T, D).
        of_input: filled with dL/dh of the first layer's input, (1, T, D); before anything is yielded, or after all of
            it where layers are computed again.
    """
    if recompute:
        for one in layer_gradients(
            model, batch, loss, keep=keep, context=context, edits=edits, inputs=inputs, before_layer=before_layer
        ):
            yield one.layer, one.heads, one.of_output, one.loss
            first = one.of_input
        if of_input is not None:
            of_input.append(first)
        return
    watched: list[tuple[Heads, Tensor]] = []
    begun: list[Tensor] = []
    with torch.enable_grad(), _graph_from_input(model, begun if of_input is not None else None):
        run = model.run(
            batch,
            context=context,
            edits=edits,
            observe=_watching(watched),
            keep=keep,
            keep_inputs=inputs is not None,
            before_layer=before_layer,
        )
        value = loss(run.logits[0])
        gradients = torch.autograd.grad(value, [*(output for _, output in watched), *begun])
    if of_input is not None:
        of_input.append(gradients[-1])
    number = value.detach()
    if inputs is not None:
        inputs += [hidden.detach() for hidden in run.inputs]
    del run, value
    for layer in reversed(range(len(watched))):
        heads, _ = watched[layer]
        watched.pop()
        yield layer, heads, gradients[layer], number


@contextmanager
def _graph_from_input(model: InstrumentedModel, begun: list[Tensor] | None) -> Iterator[None]:
    """Let the graph begin at the first layer's input, which is appended to `begun`; None lets it begin later."""
    if begun is None:
        yield
        return

    def begin(hidden: Tensor) -> Tensor:
        begun.append(hidden.detach().requires_grad_())
        return begun[-1]

    with changing_input(model.layers[0], begin):
        yield


def _watching(watched: list[tuple[Heads, Tensor]]) -> Callable[[int, Heads, Tensor], None]:
    def observe(layer: int, heads: Heads, output: Tensor) -> None:
        if not output.requires_grad:
            output.requires_grad_()
        watched.append((heads.detached(), output))

    return observe


@dataclass(frozen=True)
class LayerGradient:
    """What a loss says of one layer of one prompt."""

    layer: int
    heads: Heads
    output: Tensor  # (1, H, T, d) of its heads
    of_output: Tensor  # (1, H, T, d) the gradient with respect to it
    of_input: Tensor  # (1, T, D) with respect to the layer's input
    loss: Tensor  # a number, on the device


def layer_gradients(
    model: InstrumentedModel,
    batch: Batch,
    loss: Loss,
    *,
    keep: int = 1,
    context: Sequence[KeyValues] | None = None,
    edits: Edits | None = None,
    inputs: list[Tensor] | None = None,
    before_layer: Callable[[int], None] | None = None,
) -> Iterator[LayerGradient]:
    """Gradients with respect to every layer's input and head outputs; deep layers first, each computed again in turn.

    The arguments are those of `attention_gradients`.
    """
    with torch.no_grad():
        run = model.run(batch, context=context, edits=edits, keep_inputs=True, before_layer=before_layer)
    if inputs is not None:
        inputs += run.inputs
    states, calls = list(run.inputs), list(run.calls)
    with torch.enable_grad():
        last = states.pop().detach().requires_grad_()  # the input of the final norm
        value = loss(model.run(batch, resume=Resume(model.n_layers, last), keep=keep).logits[0])
        (gradient,) = torch.autograd.grad(value, [last])
    number = value.detach()
    del value
    for layer in reversed(range(model.n_layers)):
        watched: list[tuple[Heads, Tensor]] = []
        this = Pass(
            batch.positions,
            batch.span,
            context,
            padding=batch.padding,
            edits=edits or {},
            observe=_watching(watched),
        )
        with model.turns, torch.enable_grad(), active(this):
            hidden = states.pop().detach().requires_grad_()
            output = calls[layer](hidden)
            heads, attended = watched[0]
            of_attention, gradient = torch.autograd.grad(output, [attended, hidden], gradient)
        found = LayerGradient(layer, heads, attended.detach(), of_attention, gradient, number)
        del output, attended, watched
        if before_layer is not None:
            before_layer(layer)
        yield found
