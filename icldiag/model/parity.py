"""Is the instrumented forward the plain one? Checked on every model that is loaded, on one short random prompt."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from icldiag.errors import IcldiagError, ModelError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.padding import batch_of

#: Largest allowed difference of logits, relative to their size, between the instrumented and the plain forward.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}

_TOKENS = 24


@dataclass(frozen=True)
class Parity:
    """The instrumented forward against the plain one, on one prompt."""

    difference: float  # of the logits, relative to the largest plain logit
    tolerance: float
    layers_reached: int
    split_difference: float  # the same with the first half of the prompt encoded apart, as demonstrations are


def measure_parity(model: InstrumentedModel) -> Parity:
    """Run one prompt through the instrumented and the plain forward, whole and split into prefix and query.

    Raises:
        ModelError: not every layer attends, and once; or the model fails with icldiag's attention.
    """
    vocabulary = model.model.get_input_embeddings().weight.shape[0]
    length = min(_TOKENS, model.context_window or _TOKENS)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocabulary, (length,), generator=generator).tolist()
    reached: Counter[int] = Counter()
    with torch.no_grad(), _named(model):
        with model.plain() as plain:
            wanted = plain(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0, -1]
        whole = model.run(
            batch_of([ids], 0, model.device), observe=lambda layer, heads, output: reached.update([layer])
        ).logits[0, -1]
        _require_layers(model, reached)
        half = length // 2
        prefix = model.encode_prefix(ids[:half])
        # A shorter second row, so that padding is checked as well.
        rows = batch_of([ids[half:], ids[half:-1]], half, model.device)
        split = model.run(rows, context=prefix.key_values).logits[0, -1]
    return Parity(
        first_difference(wanted, whole),
        TOLERANCE.get(model.dtype, TOLERANCE[torch.float32]),
        len(reached),
        first_difference(wanted, split),
    )


def require_parity(model: InstrumentedModel) -> Parity:
    """Raise ModelError where the instrumented forward is not the plain one: nothing it says could be trusted."""
    parity = measure_parity(model)
    if math.isnan(parity.difference):
        wider = "try --dtype float32 or another model" if model.dtype.itemsize < 4 else "use another model"
        raise ModelError(
            f"model {model.name!r} computes logits that are not numbers: its weights or config.json are damaged, or "
            f"they overflow in {str(model.dtype).removeprefix('torch.')}; {wider}"
        )
    if parity.difference > parity.tolerance:
        raise ModelError(
            f"{model.architecture}: the instrumented logits differ from the plain ones by {parity.difference:.1e} "
            f"(allowed {parity.tolerance:.0e}), so icldiag would show wrong numbers for this model and stops"
        )
    if not parity.split_difference <= parity.tolerance:
        raise ModelError(
            f"{model.architecture}: encoding the demonstrations apart changes the logits by "
            f"{parity.split_difference:.1e}: it does not read the positions that it is given, or something besides "
            "attention carries text from token to token; icldiag cannot follow it, use another model"
        )
    return parity


def first_difference(plain: Tensor, instrumented: Tensor) -> float:
    """The largest difference between two sets of logits, relative to the plain ones' largest size."""
    plain, instrumented = plain.double().cpu(), instrumented.double().cpu()
    scale = max(float(plain.abs().max()), torch.finfo(torch.float32).tiny)
    return float((plain - instrumented).abs().max()) / scale


def _require_layers(model: InstrumentedModel, reached: Counter[int]) -> None:
    missing = model.n_layers - len(reached)
    if missing:
        raise ModelError(
            f"{model.architecture}: {missing} of its {model.n_layers} layers have no attention that icldiag can reach "
            "(state-space, convolution or linear attention), so text passes through them unseen; use a model whose "
            "layers all attend"
        )
    if max(reached.values()) > 1:
        raise ModelError(
            f"{model.architecture} attends more than once in a layer, for which saliency is not defined; use another"
        )


@contextmanager
def _named(model: InstrumentedModel) -> Iterator[None]:
    """Whatever a model of unforeseen make raises becomes one sentence."""
    try:
        yield
    except (IcldiagError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        reason = str(error).splitlines()[0][:160] if str(error) else "no reason given"
        raise ModelError(
            f"{model.architecture} cannot be run with icldiag's attention ({type(error).__name__}: {reason}); use one "
            "of the architectures that 'icldiag docs architectures' lists"
        ) from error
