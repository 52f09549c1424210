"""What the similarity of anchors in one layer is made of: the anchors' keys and the target's query vectors.

Keys carry their positions where a model turns them by these (rotary embeddings): two anchors then differ by where they
stand as well. Without positions, both are what the layer makes of the same inputs with every token at position 0, where
nothing is turned. That undoes whole, partial and interleaved rotation, each with its scales, by the model's own code;
the turned part of latent attention (DeepSeek) as well. Keys that hold no position come out as they are: learned
positions are in a layer's inputs for good, and ALiBi is added to the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from icldiag.errors import AnalysisError
from icldiag.lazy import no_grad, torch
from icldiag.model.forward import InstrumentedModel, Prefix, Resume
from icldiag.model.heads import Heads
from icldiag.model.padding import Batch
from icldiag.model.swaps import reading
from icldiag.model.target import Target
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

Keys = Literal["as_attended", "position_free"]
KEYS: Keys = "position_free"  # the default; see docs/confusion.md for what it was chosen on

_ROWS = 256  # tokens at a time
_ROUNDING = 1e-3  # relative; positions change a key by far more


@dataclass(frozen=True)
class LayerVectors:
    """Heads concatenated; with grouped queries each key head is repeated for the query heads that read it."""

    keys: NDArray[np.float64]  # (demonstrations, H * d) means over a demonstration's anchors
    targets: NDArray[np.float32]  # (n, H * d)
    forerunners: NDArray[np.float32]  # (demonstrations, H * d)
    placed: bool  # whether the keys as attended hold positions; not asked of these, False


def layer_vectors(
    model: InstrumentedModel, encoded: EncodedPrompt, prefix: Prefix, target: Target, layer: int, keys: Keys
) -> LayerVectors:
    """One layer's keys of the anchors and query vectors of targets and forerunners.

    Raises:
        AnalysisError: `keys` is position_free, and the architecture's layers read more than one vector a token.
    """
    attended = model.anchor_keys(prefix, encoded.all_anchors, layer)
    forerunners = prefix.forerunner_queries[layer].numpy()
    if keys == "as_attended":
        return LayerVectors(attended, target.queries[layer], forerunners, False)
    inputs = prefix.inputs[layer]  # (1, P, D)
    of_anchors = [place for anchors in encoded.all_anchors for place in anchors]
    places = [*of_anchors, *prefix.forerunners]
    tokens = [*(prefix.ids[place] for place in places), *(query.ids[-1] for query in encoded.queries)]
    rows = torch.cat([inputs[0, places], target.inputs[layer].to(inputs)])  # (N, D)
    found = [
        heads_without_positions(model, layer, rows[start : start + _ROWS], tokens[start : start + _ROWS])
        for start in range(0, len(rows), _ROWS)
    ]
    queries = torch.cat([heads.query[:, :, 0] for heads in found]).flatten(1).float().cpu().numpy()  # (N, H * d)
    own = torch.cat([heads.key[: len(of_anchors), :, 0] for heads in found])[: len(of_anchors)].double()  # (A, K, d)
    own = own.repeat_interleave(model.n_heads // own.shape[1], dim=1).flatten(1).cpu()  # (A, H * d)
    starts = np.cumsum([0, *(len(anchors) for anchors in encoded.all_anchors)])
    free = np.stack([own[start:stop].mean(0).numpy() for start, stop in pairwise(starts)])
    return LayerVectors(
        free,
        queries[len(places) :],
        queries[len(of_anchors) : len(places)],
        bool(np.abs(free - attended).max(initial=0.0) > _ROUNDING * np.abs(attended).max(initial=0.0)),
    )


class _Reached(Exception):
    """A pass has reached the layer that it was for."""


@no_grad
def heads_without_positions(model: InstrumentedModel, layer: int, inputs: Tensor, ids: Sequence[int]) -> Heads:
    """One layer's queries and keys of N tokens, each alone with position 0: (N, H, 1, d) and (N, K, 1, d).

    Args:
        inputs: (N, D), the layer's inputs at these tokens.
        ids: the tokens, which some architectures look up again in every layer.

    Raises:
        AnalysisError: the architecture's layers read more than one vector a token.
    """
    if inputs.dim() != 2:
        raise AnalysisError(
            f"the layers of {model.architecture} read several vectors a token, of which icldiag cannot take the "
            "positions out; take the keys as attended"
        )
    found: list[Heads] = []

    def stop(at: int, heads: Heads, output: Tensor) -> None:
        found.append(heads)
        raise _Reached

    tokens = torch.tensor(ids, device=model.device)[:, None]  # (N, 1)
    hidden = inputs[:, None]  # (N, 1, D)
    with suppress(_Reached), reading(model.layers[layer], hidden):
        model.run(Batch(tokens, torch.zeros_like(tokens), None, (0, 0)), observe=stop, resume=Resume(layer, hidden))
    return found[0]
