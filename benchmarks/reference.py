"""The paper's way of doing the same work, plainly written: what icldiag is measured against.

Every prompt is encoded whole and alone, attention is eager and keeps its T x T matrices, and every gradient goes
through all of them. It works on models that transformers routes through its attention interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.encoded_prompt import EncodedPrompt

NAME = "benchmark_reference"


@dataclass
class Asked:
    """What the attention of the next forward is to do besides attending."""

    cut_layers: frozenset[int] = frozenset()  # label words there see nothing before them
    anchors: Tensor | None = None
    beta: Tensor | None = None  # (L, H, n): the target's attention to anchor i is multiplied by exp(beta)
    keep: bool = False
    kept: list[Tensor] = field(default_factory=list)  # (1, H, T, T) of each layer: attention, or its factors of one


_asked = Asked()


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, scaling: float, **_: Any
) -> tuple[Tensor, Tensor]:
    layer = cast("int", module.layer_idx)
    shared = query.shape[1] // key.shape[1]  # grouped queries
    key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)  # (1, H, T, d)
    scores = query @ key.transpose(-1, -2) * scaling + attention_mask  # (1, H, T, T)
    if layer in _asked.cut_layers:
        assert _asked.anchors is not None
        for anchor in _asked.anchors.tolist():
            scores[:, :, anchor, :anchor] = torch.finfo(scores.dtype).min
    weights = scores.softmax(-1)
    if _asked.beta is not None:
        assert _asked.anchors is not None
        factor = torch.ones_like(weights[0, :, -1])  # (H, T)
        factor = factor.index_copy(1, _asked.anchors, _asked.beta[layer].exp().to(factor.dtype))
        weights = torch.cat((weights[:, :, :-1], (weights[:, :, -1] * factor)[:, :, None]), dim=2)
    if _asked.keep:
        if torch.is_grad_enabled():  # saliency: the gradient of a factor of one is A * dL/dA
            ones = torch.ones_like(weights).requires_grad_()
            weights = weights * ones
            _asked.kept.append(ones)
        else:
            _asked.kept.append(weights)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, eager_mask)


class Reference:
    """The released code's way on one prompt."""

    def __init__(self, model: InstrumentedModel, encoded: EncodedPrompt) -> None:
        self.model = model
        self.firsts = [tokens[0] for tokens in encoded.label_tokens]
        self.anchors = torch.tensor(encoded.anchors, device=model.device)
        self.prompts = [[*encoded.prefix, *query.ids] for query in encoded.queries]

    @contextmanager
    def _asking(self, asked: Asked) -> Iterator[Asked]:
        global _asked
        with self.model.plain() as plain:
            before = plain.config._attn_implementation
            plain.set_attn_implementation(NAME)
            _asked = asked
            try:
                yield asked
            finally:
                _asked = Asked()
                plain.set_attn_implementation(before)

    def _tensor(self, numbers: Sequence[Any]) -> Tensor:
        return torch.tensor(numbers, device=self.model.device)

    def _scores(self, ids: Sequence[int]) -> Tensor:
        logits: Tensor = self.model.model(input_ids=self._tensor([ids]), use_cache=False).logits
        return logits[0, -1, self.firsts]

    @torch.no_grad()
    def predictions(self, count: int) -> Tensor:
        """Label scores (count, C), all attentions kept until the next query."""
        with self._asking(Asked(keep=True)) as asked:
            rows = []
            for ids in self.prompts[:count]:
                asked.kept.clear()
                rows.append(self._scores(ids))
        return torch.stack(rows)

    @torch.no_grad()
    def changed(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Label scores (n, C) after other prompts, each whole and alone."""
        with self._asking(Asked()):
            return torch.stack([self._scores(ids) for ids in prompts])

    @torch.no_grad()
    def isolated(self, layers: Sequence[int], count: int) -> Tensor:
        """Label scores (count, C) with label words cut off from their demonstrations."""
        with self._asking(Asked(frozenset(layers), self.anchors)):
            return torch.stack([self._scores(ids) for ids in self.prompts[:count]])

    @torch.no_grad()
    def extraction(self, count: int) -> Tensor:
        """The target's attention to every anchor (count, L, n), read from the kept matrices."""
        found = []
        with self._asking(Asked(keep=True)) as asked:
            for ids in self.prompts[:count]:
                asked.kept.clear()
                self._scores(ids)
                found.append(torch.stack([weights[0, :, -1, self.anchors].sum(0) for weights in asked.kept]))
        return torch.stack(found)

    @torch.no_grad()
    def patched(self, index: int, layer: int, positions: Sequence[int], values: Tensor) -> Tensor:
        """Label scores (C,) with these (positions, D) in the place of a layer's input there."""

        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            hidden = (args[0] if args else kwargs["hidden_states"]).clone()
            hidden[0, list(positions)] = values.to(hidden)
            return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

        handle = self.model.layers[layer].register_forward_pre_hook(before, with_kwargs=True)
        try:
            with self._asking(Asked()):
                return self._scores(self.prompts[index])
        finally:
            handle.remove()

    def saliency(self, index: int, label: int) -> Tensor:
        """S_wp, S_pq and S_ww of every layer: (3, L)."""
        with self._asking(Asked(keep=True)) as asked:
            loss = cross_entropy(self._scores(self.prompts[index])[None].float(), self._tensor([label]))
            gradients = torch.autograd.grad(loss, asked.kept)
            flows = [gradient.sum(1)[0].abs() for gradient in gradients]
            asked.kept.clear()
        return torch.stack([self._three(flow.tril(-1)) for flow in flows], dim=1)

    def _three(self, flow: Tensor) -> Tensor:
        words, reading = flow[self.anchors].sum(), flow[-1, self.anchors].sum()
        length, count = len(flow), len(self.anchors)
        pairs = int(self.anchors.sum())
        others = length * (length - 1) // 2 - pairs - count
        return torch.stack((words / pairs, reading / count, (flow.sum() - words - reading) / others))

    @torch.no_grad()
    def direct(self, index: int, tokens: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Direct shares of every head (L, H) and MLP (L,) in a difference of logits, from a cache of all activations.

        Of GPT-2 and Llama, whose layers add attention and MLP to the residual stream as they are.
        """
        model: Any = self.model.model
        kept: dict[Any, Any] = {}
        handles = [
            module.register_forward_hook(lambda module, given, output: kept.update({module: (given, output)}))
            for module in model.modules()
        ]
        with self._asking(Asked()):
            self._scores(self.prompts[index])
        for handle in handles:
            handle.remove()
        norm = getattr(model.base_model, "ln_f", None) or model.base_model.norm
        bias = getattr(norm, "bias", None)
        (stream, *_), normed = kept[norm]

        def centre(term: Tensor) -> Tensor:
            return term if bias is None else term - term.mean(-1, keepdim=True)

        scale = (normed[0, -1] - (0 if bias is None else bias)) / centre(stream[0, -1])
        first, second = tokens
        weight = model.get_output_embeddings().weight
        onto = weight[first] - weight[second]  # (D,)
        heads, mlps = [], []
        for layer in self.model.layers:
            name = "attn.c_proj" if hasattr(layer, "attn") else "self_attn.o_proj"
            projection: Any = layer.get_submodule(name)
            rows = projection.weight if hasattr(layer, "attn") else projection.weight.T  # (H * d, D)
            mixed = kept[projection][0][0][0, -1].view(self.model.n_heads, 1, -1)  # (H, 1, d)
            written = (mixed @ rows.view(self.model.n_heads, -1, rows.shape[1]))[:, 0]  # (H, D)
            heads.append(centre(written) * scale @ onto)
            mlps.append(centre(kept[layer.mlp][1][0, -1]) * scale @ onto)
        return torch.stack(heads), torch.stack(mlps)

    def training_step(self, beta: Tensor, index: int, label: int) -> tuple[Tensor, Tensor]:
        """The loss of one example and its gradient for beta (L, H, n), through the whole prompt."""
        with self._asking(Asked(anchors=self.anchors, beta=beta)):
            loss = cross_entropy(self._scores(self.prompts[index])[None].float(), self._tensor([label]))
            (gradient,) = torch.autograd.grad(loss, [beta])
        return loss.detach(), gradient
