"""The reference: transformers' own eager attention, watched and changed at its softmax.

Nothing of icldiag takes part: every eager attention, whatever its architecture adds to the scores, hands a
(1, heads, T, T) tensor to one softmax, and the reference stands there. Falcon's eager attention adds ALiBi twice in
transformers 5.23 (to the mask, and again to the scores); its fused one, which everybody runs, is written out instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.encoded_prompt import EncodedPrompt

Change = Callable[[int, Tensor, Tensor], Tensor]  # layer, masked scores (1, H, T, T), attention -> attention


def unchanged(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
    return attention


def ids_of(encoded: EncodedPrompt, query: int) -> list[int]:
    """The whole prompt of one query."""
    return [*encoded.prefix, *encoded.queries[query].ids]


class _AtTheSoftmax(TorchFunctionMode):
    def __init__(self, length: int, change: Change, record: dict[int, Tensor] | None) -> None:
        super().__init__()
        self.length, self.change, self.record, self.layer = length, change, record, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.nn.functional.scaled_dot_product_attention:
            return self._written_out(*args, **kwargs)
        if func not in (torch.nn.functional.softmax, torch.softmax, Tensor.softmax) or args[0].ndim != 4:
            return func(*args, **kwargs)
        return self._changed(args[0], func(*args, **kwargs))

    def _changed(self, scores: Tensor, attention: Tensor) -> Tensor:
        # With a sink there is one column more, of which the changes know nothing.
        assert scores.shape[2:] in ((self.length, self.length), (self.length, self.length + 1)), scores.shape
        attention = self.change(self.layer, scores, attention)
        if self.record is not None:
            attention.requires_grad_() if attention.is_leaf else attention.retain_grad()
            self.record[self.layer] = attention
        self.layer += 1
        return attention

    def _written_out(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **settings: Any
    ) -> Tensor:
        repeats = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        if attn_mask is None:
            future = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, torch.finfo(scores.dtype).min)
        elif attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, torch.finfo(scores.dtype).min)
        else:
            scores = scores + attn_mask
        return self._changed(scores, scores.softmax(-1)) @ value


def plain_run(
    model: InstrumentedModel, ids: Sequence[int], change: Change = unchanged, record: dict[int, Tensor] | None = None
) -> Tensor:
    """The whole prompt through the model without icldiag, attention changed by `change`: the last logits (V,)."""
    return plain_logits(model, ids, change, record)[-1]


def plain_logits(
    model: InstrumentedModel, ids: Sequence[int], change: Change = unchanged, record: dict[int, Tensor] | None = None
) -> Tensor:
    """All logits of one prompt, (T, V).

    `record` receives every layer's attention, with its gradient where one is wanted.
    """
    with model.plain() as plain:
        before = plain.config._attn_implementation
        plain.config._attn_implementation = "sdpa" if plain.config.model_type == "falcon" else "eager"
        try:
            with _AtTheSoftmax(len(ids), change, record) as watched:
                logits = plain(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]
        finally:
            plain.config._attn_implementation = before
    assert watched.layer == model.n_layers, "the eager attention was not reached in every layer"
    return logits  # type: ignore[no-any-return]


def plain_word_scores(
    model: InstrumentedModel,
    ids: Sequence[int],
    words: Sequence[Sequence[int]],
    change: Change = unchanged,
    records: list[dict[int, Tensor]] | None = None,
) -> Tensor:
    """Log-probabilities of whole label words after a prompt, one word after the other: (C,)."""
    scores = []
    for word in words:
        record: dict[int, Tensor] | None = None
        if records is not None:
            record = {}
            records.append(record)
        chances = plain_logits(model, [*ids, *word[:-1]], change, record)[-len(word) :].log_softmax(-1)
        scores.append(chances[torch.arange(len(word)), list(word)].sum())
    return torch.stack(scores)
