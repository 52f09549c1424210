"""What each part of the model adds directly to the difference of two logits at the last position.

The residual stream is a sum: what the embeddings write, and what each layer's attention and MLP add. With the norms on
the way frozen at the scale that they have in this pass, the difference of two logits is linear in these terms, so it is
the sum of their shares (direct logit attribution; Elhage et al. 2021, "A Mathematical Framework for Transformer
Circuits"). What a part does by way of later layers, which read it, is counted there.

No architecture's formula is written out here: one forward runs the model's own code with every reading of the residual
stream cut from the graph and every norm made linear in its input, and one backward gives each term's weight. Scaled
residuals, norms behind a sublayer, parallel sublayers and scaled logits come out right by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from icldiag.errors import AnalysisError
from icldiag.lazy import no_grad, torch
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import Batch
from icldiag.model.swaps import changing_input
from icldiag.model.transfer import to_host

if TYPE_CHECKING:
    from torch import Tensor, nn

_LARGE = 1024.0  # a probe beside which no norm's epsilon counts
_ADDS_RESIDUAL = ("bloom",)  # attention returns its sum with the residual stream, which is its second argument


@dataclass(frozen=True)
class DirectParts:
    """Shares of a difference of two logits, in nats: embedding, attention, mlp and bias sum to it."""

    difference: float  # as the output embeddings have it, scaled where the model scales its logits
    capped: bool  # the model bends its logits after that (soft-capping), so the scores' difference is another
    embedding: float
    attention: NDArray[np.float64]  # (L,)
    heads: NDArray[np.float64]  # (L, H); with the bias of the attention's output projection they sum to `attention`
    mlp: NDArray[np.float64]  # (L,) all that a layer adds beside its attention
    bias: float  # of the final norm and of the output embeddings

    @property
    def total(self) -> float:
        return self.embedding + float(self.attention.sum() + self.mlp.sum()) + self.bias

    def scaled(self, by: float) -> DirectParts:
        """The shares of logits that are multiplied by a number."""
        return DirectParts(
            difference=by * self.difference,
            capped=self.capped,
            embedding=by * self.embedding,
            attention=by * self.attention,
            heads=by * self.heads,
            mlp=by * self.mlp,
            bias=by * self.bias,
        )


def direct_parts(
    model: InstrumentedModel,
    batch: Batch,
    tokens: tuple[int, int],
    *,
    context: Sequence[KeyValues] | None = None,
    edits: Edits | None = None,
    before_layer: Callable[[int], None] | None = None,
) -> tuple[DirectParts, Tensor]:
    """The shares of logit(first token) - logit(second token) at the last position of a batch of one row.

    Also the states there, before the first layer and after each: (L + 1, 1, D).

    Raises:
        AnalysisError: the shares do not sum to the difference on this architecture.
    """
    graph = _Graph(model)
    with model.turns, graph.recording(), torch.enable_grad():
        run = model.run(
            batch, context=context, edits=edits, observe=graph.observe, keep_inputs=True, before_layer=before_layer
        )
        parts = graph.shares(run.inputs, tokens, run.logits[0, -1].detach())
    return parts, torch.cat([state[:, -1:].detach().to(model.device) for state in run.inputs])


class _Graph:
    """One pass whose graph has nothing but the direct ways from each part to the logits."""

    def __init__(self, model: InstrumentedModel) -> None:
        self.model = model
        self.heads: list[Tensor] = []  # (1, H, T, d) each layer's attention output
        self.attended: dict[int, Tensor] = {}  # (1, T, D) what attention returns, by layer
        self.residuals: dict[int, Tensor] = {}  # what of that is the residual stream itself
        self.written: dict[int, list[Tensor]] = defaultdict(list)  # what else is added, by layer
        self.unchecked: set[int] = set()  # layers in which something else returns its sum with the residual stream
        self.norm_biases: list[Tensor] = []  # of what follows the layers
        self.logits: Tensor
        self._sublayer: nn.Module | None = None
        self._attention: nn.Module | None = None

    def observe(self, layer: int, heads: Heads, output: Tensor) -> None:
        self.heads.append(output.requires_grad_())
        self._attention = self._sublayer

    @contextmanager
    def recording(self) -> Iterator[None]:
        """The hooks, as long as the pass goes on."""
        whole, layers = self.model.model, self.model.layers
        inside = set(layers.modules())
        with ExitStack() as stack:
            stack.enter_context(changing_input(layers[0], lambda hidden: hidden.detach().requires_grad_()))
            handles = [whole.get_output_embeddings().register_forward_hook(self._of_head)]
            handles += [
                of.register_forward_hook(self._linear(of not in inside)) for of in whole.modules() if _is_norm(of)
            ]
            for number, layer in enumerate(layers):
                for child in layer.children():
                    if not _is_norm(child) and next(child.parameters(), None) is not None:
                        stack.enter_context(changing_input(child, partial(self._reads, child)))
                        handles.append(child.register_forward_hook(self._writes(number), with_kwargs=True))
            for handle in handles:
                stack.callback(handle.remove)
            yield

    def _of_head(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.logits = output

    def _reads(self, sublayer: nn.Module, hidden: Tensor) -> Tensor:
        """What a sublayer reads of the residual stream is no direct way."""
        self._sublayer = sublayer
        return hidden.detach()

    def _writes(self, layer: int) -> Callable[..., Any]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            if module is self._attention:
                self.attended[layer] = output[0] if isinstance(output, tuple) else output
                if self.model.model.config.model_type in _ADDS_RESIDUAL:
                    self.residuals[layer] = args[1]
                return None
            if not isinstance(output, torch.Tensor) or output.requires_grad:
                self.unchecked.add(layer)
                return None
            leaf = output.detach().requires_grad_()
            self.written[layer].append(leaf)
            return leaf * 1.0  # to which a model may add in place

        return hook

    def _linear(self, follows: bool) -> Callable[..., Any]:
        """A norm becomes linear in its input, at the scale that it has; its numbers stay."""

        def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor | None:
            if not args or not args[0].requires_grad:
                return None
            centred, bias = _probed(module, args[0])
            input = args[0] - args[0].mean(-1, keepdim=True) * centred
            at = input.detach()
            scale = torch.where(at == 0, torch.zeros_like(at), (output.detach() - bias) / at)
            if follows:
                self.norm_biases.append(bias.requires_grad_())
            linear = input * scale + bias
            found: Tensor = output.detach() + (linear - linear.detach())
            return found

        return hook

    def shares(self, states: Sequence[Tensor], tokens: tuple[int, int], logits: Tensor) -> DirectParts:
        """Each term times its weight, at the last position. Raises AnalysisError."""
        layers, raw = range(self.model.n_layers), self.logits[0, -1]
        difference = (raw[tokens[0]] - raw[tokens[1]]).float()
        attended: list[Tensor] = [self.attended[layer] for layer in layers]
        written: list[list[Tensor]] = [self.written[layer] for layer in layers]
        terms: list[Tensor] = [
            *states,
            *self.heads,
            *attended,
            *self.norm_biases,
            *(term for of in written for term in of),
        ]
        weights = torch.autograd.grad(difference, terms, allow_unused=True)
        weight_of = {id(term): weight for term, weight in zip(terms, weights, strict=True)}

        def share(term: Tensor, stands: Tensor | None = None) -> Tensor:
            """Summed over the width, of a term or of what stands in its place: (..., T)."""
            weight, value = weight_of[id(term)], (term if stands is None else stands).detach()
            if weight is None:
                return torch.zeros(value.shape[:-1], dtype=torch.double, device=value.device)
            return (value.double() * weight.double()).sum(-1)

        def last(term: Tensor, stands: Tensor | None = None) -> Tensor:
            return share(term, stands).flatten()[-1]

        groups: list[list[Tensor]] = [
            [difference.detach().double(), *self._bias_of_head(tokens), *(share(of).sum() for of in self.norm_biases)],
            [last(state) for state in states],
            [last(of) for of in attended],
            [last(attended[layer], residual) for layer, residual in self.residuals.items()],
            [share(output)[0, :, -1] for output in self.heads],
            *([last(term) for term in of] for of in written),
        ]
        values = iter(to_host([one for of in groups for one in of]))
        sums, stream, attention, residuals, heads, *others = (
            np.array([next(values).numpy() for _ in of]) for of in groups
        )
        attention[list(self.residuals)] -= residuals
        parts = DirectParts(
            difference=float(sums[0]),
            capped=False,
            embedding=float(stream[0]),  # what was written before the first layer; then after each
            attention=attention,
            heads=heads,
            mlp=np.diff(stream) - attention,
            bias=float(sums[1:].sum()),
        )
        self._check(parts, [float(of.sum()) for of in others])
        by = _proportion(raw.detach(), logits)
        return replace(parts, capped=True) if by is None else parts.scaled(by)

    def _bias_of_head(self, tokens: tuple[int, int]) -> list[Tensor]:
        bias = getattr(self.model.model.get_output_embeddings(), "bias", None)
        return [] if bias is None else [(bias[tokens[0]] - bias[tokens[1]]).double()]

    def _check(self, parts: DirectParts, written: Sequence[float]) -> None:
        """Raises AnalysisError: something else adds to the residual stream, or is no sum."""
        terms = np.concatenate([parts.attention, parts.mlp, [parts.embedding, parts.bias]])
        allowed = _tolerance(self.model.dtype) * float(np.abs(terms).sum())
        sums = [(parts.total, parts.difference)]
        sums += [
            (of_layer, float(parts.mlp[layer])) for layer, of_layer in enumerate(written) if layer not in self.unchecked
        ]
        if not all(abs(found - wanted) <= allowed for found, wanted in sums):  # NaN is not
            raise AnalysisError(
                f"what the layers of {self.model.architecture} write does not sum to its logits in the way that direct "
                "shares need, so there are none; the logit lens, cuts and saliency hold on it"
            )


def _is_norm(module: nn.Module) -> bool:
    return "Norm" in type(module).__name__


@no_grad
def _probed(norm: nn.Module, like: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a norm takes off the mean of its input, 1 or 0, and what it adds: (D,)."""
    signs = torch.ones_like(like.flatten(0, -2)[0])
    signs[1::2] = -1.0
    probes = torch.stack([torch.zeros_like(signs), torch.ones_like(signs), signs]) * _LARGE
    bias, level, uneven = norm.forward(probes)
    moved, most = (level - bias).abs().max(), (uneven - bias).abs().max()
    return (moved <= _tolerance(like.dtype) * most).to(like.dtype), bias.detach().clone()


def _proportion(raw: Tensor, logits: Tensor) -> float | None:
    """By what the model multiplies the output embeddings' logits (V,); None where it does something else to them."""
    before, after = to_host([raw.double(), logits.double()])
    by = float(before @ after / (before @ before))
    allowed = _tolerance(raw.dtype) * float(after.abs().max())
    return by if float((after - by * before).abs().max()) <= allowed else None


def _tolerance(dtype: torch.dtype) -> float:
    """Of a sum of rounded terms, relative to their sizes: 3e-4 in float32, 0.09 in bfloat16."""
    return float(torch.finfo(dtype).eps ** 0.5)
