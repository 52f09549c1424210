"""The numbers in a model's config.json: refused by name where no model can have them, before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from icldiag.errors import ModelError

_COUNTED = re.compile(r"layer|depth|block|expert|attention_types|hidden_groups", re.IGNORECASE)
_NO_COUNT = re.compile(r"size|eps|dim|width|scal|token", re.IGNORECASE)
_MOST = 1000  # layers; each is built, one by one, before its weights can be counted
_MOST_EXPERTS = 20_000  # of a layer

#: As architectures of earlier days call them.
_ALIASES = ("n_layer", "n_layers", "num_layers", "n_embd", "d_model", "n_head", "n_heads", "num_heads")
_SIZES = ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "vocab_size", "head_dim")


def check_numbers(name: str, written: dict[str, Any], file: str = "config.json") -> None:
    """Raise ModelError where config.json counts more layers or experts than any model has, or none.

    Args:
        written: the file as it is, before transformers makes lists with an entry per layer of it.
        file: another file that says it.
    """
    for field, number, counted in _numbers(written, "", False):
        if field in (*_SIZES, *_ALIASES) and number < 1:
            raise ModelError(_wrong_size(name, field, number))
        if counted and number > (_MOST_EXPERTS if "expert" in field.lower() else _MOST):
            raise ModelError(
                f"model {name!r}: {field} in {file} is {str(number)[:20]}, and no model has so many; fetch it again"
            )


def _numbers(tree: Any, field: str, counted: bool) -> Iterator[tuple[str, float, bool]]:
    """Every number with its field, and whether that counts what is built one by one."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, str(key), bool(_COUNTED.search(str(key))) and not _NO_COUNT.search(str(key)))
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value, field, counted)
    elif isinstance(tree, int | float):
        yield field, tree, counted


def check_sizes(name: str, text: Any) -> None:
    """Raise ModelError where a size of the text model is no whole number of at least 1.

    Args:
        text: the configuration of the language model alone.
    """
    for field in _SIZES:
        size = largest(text, field)
        optional = field not in ("num_hidden_layers", "hidden_size", "vocab_size")
        if size is None and optional:  # a model without attention is refused by name, later
            continue
        if not isinstance(size, int) or size < 1:
            raise ModelError(_wrong_size(name, field, size))


def largest(text: Any, field: str) -> Any:
    """A size of the text model, its largest where layers differ (Gemma 3n, Gemma 4); None where it has none."""
    try:
        size = getattr(text, field, None)
    except RuntimeError:  # transformers', for a field that is each layer's own
        size = [getattr(layer, field) for layer in text.per_layer_config]
    return max(size) if isinstance(size, list) and size else size


def check_layer_count(name: str, text: Any, tensors: int) -> None:
    """Raise ModelError where there are more layers than tensors in the files (0 where these are not known)."""
    if 0 < tensors < text.num_hidden_layers:
        raise ModelError(
            f"model {name!r}: config.json says {text.num_hidden_layers} layers, and its files hold {tensors} tensors; "
            "the two do not belong together, fetch both again"
        )


def _wrong_size(name: str, field: str, size: object) -> str:
    return (
        f"model {name!r}: {field} in config.json is {str(size)[:80]}, and must be a whole number of at least 1; "
        "fetch it again"
    )
