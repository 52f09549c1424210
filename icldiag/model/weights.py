"""Whether a loaded model is what its files hold: no weight left out, drawn at random, cut to size or not a number."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from icldiag.counting import counted
from icldiag.errors import ModelError

if TYPE_CHECKING:
    from icldiag.model.folder import Stored

#: Tensors of a layer that predicts the token after the next (DeepSeek V3, GLM 4.5): no layer of the decoder.
_NEXT_TOKEN = re.compile(r"\.(eh_proj|enorm|hnorm|shared_head)\.")

#: Tensors of a layer that are no weights; earlier versions of transformers saved them.
_BUFFER = re.compile(r"(inv_freq|cos_cached|sin_cached|masked_bias|causal_mask|(attn|attention)\.bias)$")

_INTEGERS = ("BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64")
_SCALED = ("F8", "F6", "F4")  # floats of few bits, which stand for other numbers where they have a scale


def check_amount(name: str, empty: Any, stored: Mapping[str, Stored]) -> None:
    """Raise ModelError where config.json asks for far more weights than the files hold: all would be made up first.

    A few that are missing or of another size are told by `check_complete`, which knows what transformers renames.

    Args:
        empty: the model on torch's meta device.
    """
    asked, held = (
        sum(weight.numel() for weight in empty.parameters()),
        sum(prod(part.shape) for part in stored.values()),
    )
    if asked <= 1.2 * held or getattr(empty.config, "quantization_config", None) is not None:
        return
    prefix = f"{empty.base_model_prefix}."
    shapes = {tensor.removeprefix(prefix): part.shape for tensor, part in stored.items()}
    for weight_name, weight in empty.named_parameters():
        shape = shapes.get(weight_name.removeprefix(prefix))
        if shape is not None and shape != tuple(weight.shape):
            raise ModelError(_mismatch(name, weight_name, shape, weight.shape, ""))
    raise ModelError(
        f"model {name!r}: config.json asks for {asked:.3g} weights, and its files hold {held:.3g}; the two do not "
        "belong together, fetch both again"
    )


def _mismatch(name: str, weight: str, stored: Iterable[int], wanted: Iterable[int], others: str) -> str:
    return (
        f"model {name!r}: the weights {weight} have the shape {tuple(stored)}, and config.json asks for "
        f"{tuple(wanted)}{others}; the two do not belong together, fetch both again"
    )


def check_complete(name: str, info: Mapping[str, Any]) -> None:
    """Raise ModelError where weights that the model needs are not in its files: transformers would draw them at random.

    Args:
        info: what `from_pretrained(output_loading_info=True, ignore_mismatched_sizes=True)` tells.
    """
    missing, mismatched = sorted(info.get("missing_keys", ())), sorted(info.get("mismatched_keys", ()))
    if mismatched:
        weight, stored, wanted = mismatched[0]
        others = f" (and {len(mismatched) - 1} more differ)" if len(mismatched) > 1 else ""
        raise ModelError(_mismatch(name, weight, stored, wanted, others))
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelError(
            f"model {name!r}: its files lack the weights {missing[0]}{others}, which would be random numbers; "
            "it was saved without a language-model head, or for another architecture than config.json says"
        )


def check_layers(name: str, model: Any, names: Collection[str]) -> None:
    """Raise ModelError where the files hold decoder layers, or weights in them, that would be left out.

    Other weights that the model does not have are no matter: a vision tower, buffers of older versions, a tied head,
    layers that predict later tokens.

    Args:
        names: of the files' tensors that the model does not have.
    """
    from icldiag.model.seams import decoder_layers

    layers, count = decoder_layers(model), len(decoder_layers(model))
    own = next(path for path, module in model.named_modules() if module is layers)
    base = f"{model.base_model_prefix}."
    # Saved from the model itself, from its body alone, or as the language model of a larger one.
    places = {own, own.removeprefix(base), f"language_model.{own}", f"model.language_model.{own.removeprefix(base)}"}
    further: dict[int, list[str]] = {}
    extra: list[str] = []
    for tensor in names:
        found = re.match(r"(.+?)\.(\d+)\.", tensor)
        if not found or found[1] not in places:
            continue
        if int(found[2]) >= count:
            further.setdefault(int(found[2]), []).append(tensor)
        elif not _BUFFER.search(tensor):
            extra.append(tensor)
    left_out = [layer for layer, tensors in further.items() if not any(map(_NEXT_TOKEN.search, tensors))]
    if left_out:
        raise ModelError(
            f"model {name!r}: its files hold {max(left_out) + 1} layers, and config.json says {count}, so "
            f"{min(further[min(left_out)])} and others would be left out; fetch config.json again"
        )
    if extra and getattr(model.config, "quantization_config", None) is None:  # which has scales of its own
        others = f" and {counted(len(extra) - 1, 'other')}" if len(extra) > 1 else ""
        raise ModelError(
            f"model {name!r}: its files hold the weights {min(extra)}{others}, for which {type(model).__name__} has no "
            "place, so they would be left out; config.json is another model's, fetch both again"
        )


def check_types(name: str, model: Any, stored: Mapping[str, Stored]) -> None:
    """Raise ModelError where weights are stored as integers, or as scaled floats, and nothing says what they stand for.

    transformers would take them for the weights themselves.
    """
    if getattr(model.config, "quantization_config", None) is not None:
        return
    prefix = f"{model.base_model_prefix}."
    own = {tensor.removeprefix(prefix) for tensor, _ in model.named_parameters()}
    for tensor, (dtype, _, _) in stored.items():
        weight = tensor.removeprefix(prefix) in own or tensor.endswith(".weight")
        scaled = dtype.startswith(_SCALED) and any(f"{tensor}_{scale}" in stored for scale in ("scale", "scale_inv"))
        if weight and (dtype in _INTEGERS or scaled):
            raise ModelError(
                f"model {name!r}: the weights {tensor} are stored as {dtype}, and config.json has no "
                "quantization_config that says what they stand for; fetch the model again"
            )


def require_numbers(name: str, model: Any) -> None:
    """Raise ModelError where a weight is NaN or infinite."""
    import torch

    for weight_name, weight in model.named_parameters():
        if not weight.is_floating_point() or weight.device.type == "meta" or not weight.numel():
            continue
        if not torch.isfinite(torch.stack(weight.detach().aminmax())).all():
            dtype = str(weight.dtype).removeprefix("torch.")
            wider = "try --dtype float32, or " if weight.dtype.itemsize < 4 else ""
            raise ModelError(
                f"model {name!r}: the weights {weight_name} hold values that are not numbers in {dtype}; {wider}"
                "fetch the model again"
            )
