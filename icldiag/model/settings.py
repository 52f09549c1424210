"""Which model, where and how; and what its configuration says without loading it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from icldiag.arguments import check_fields
from icldiag.errors import ModelError
from icldiag.model.names import hub_name, local_place

BUNDLED = "bundled"
BUNDLED_PATH = Path(__file__).parent / "bundled"

Stage = Callable[[str], None]


@dataclass(frozen=True)
class ModelSettings:
    """Which model, where and how. `device` and `dtype` may be 'auto'.

    device_map: 'auto' spreads the layers over all GPUs, then the CPU, then the disk (through accelerate).
    quantize: bits of a weight, 8 or 4 (through bitsandbytes, on a GPU).
    compile: torch.compile the layers' MLPs.
    """

    name: str = BUNDLED
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    device_map: str | None = None
    quantize: int | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        check_fields(self, ModelError)

    def place(self) -> Path | None:
        """The folder or the GGUF file with the model, on this machine; None for one of the hub that is not here yet.

        Raises:
            ModelError: the name is a path, and there is neither; or that of a package that is not installed.
        """
        if self.name == BUNDLED:
            return BUNDLED_PATH
        if (place := local_place(self.name)) is not None:
            return place.resolve()
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        repository, file = hub_name(self.name)
        try:
            found = try_to_load_from_cache(repository, file or "config.json", revision=self.revision)
        except HFValidationError:
            return None
        if not isinstance(found, str):
            return None
        return Path(found).parent if file is None else Path(found)


def context_window(config: Any) -> int | None:
    """The longest sequence the model takes, in tokens; None where its configuration names no limit.

    Models whose rotary positions change with the length of the whole sequence (dynamic, longrope) are taken to the
    length where they change: beyond it, demonstrations encoded apart would have other positions than in one pass.
    """
    limit: int | None = getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)
    rotary = getattr(config, "rope_parameters", None) or {}
    for parameters in (rotary, *(nested for nested in rotary.values() if isinstance(nested, dict))):
        if limit is not None and parameters.get("rope_type") in ("dynamic", "longrope"):
            original = parameters.get("original_max_position_embeddings")
            limit = min(limit, original or getattr(config, "original_max_position_embeddings", None) or limit)
    return limit
