"""Layers that see only the last tokens: which demonstrations lie outside of their window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from icldiag.counting import counted
from icldiag.prompt.encoded_prompt import EncodedPrompt


@dataclass(frozen=True)
class SlidingWindow:
    """`layers` of `of` layers see `tokens` tokens, the one that reads among them."""

    tokens: int
    layers: int
    of: int

    def warning(self, encoded: EncodedPrompt) -> str | None:
        """Which demonstrations the target of the longest prompt does not see there; None where it sees all."""
        first = encoded.longest - self.tokens
        cut = [one for one in encoded.demonstrations if one.label[0] < first]
        if not cut:
            return None
        which = "all layers see" if self.layers == self.of else f"{self.layers} of {self.of} layers see"
        outside = f"{len(cut)} of {counted(len(encoded.demonstrations), 'demonstration')}"
        return (
            f"{which} only the last {self.tokens} tokens: from the end of the longest prompt ({encoded.longest} "
            f"tokens) they do not see the label words of {outside}; show fewer or shorter ones, or take another model"
        )


def sliding_window_of(config: Any) -> SlidingWindow | None:
    """Of a text model's configuration; None where every layer sees the whole prompt."""
    of = int(config.num_hidden_layers)
    kinds = getattr(config, "layer_types", None) or getattr(config, "attention_layers", None)
    tokens = getattr(config, "sliding_window", None) or getattr(config, "attention_chunk_size", None)
    if kinds is not None:
        layers = sum(kind in ("sliding_attention", "chunked_attention", "local") for kind in kinds)
        tokens = tokens or getattr(config, "window_size", None)
    else:
        layers = of
    if not isinstance(tokens, int) or not layers or getattr(config, "use_sliding_window", True) is False:
        return None
    return SlidingWindow(tokens, layers, of)
