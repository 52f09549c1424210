"""What a broken model folder is refused with."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import ModelError
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings


def change(path: Path, **fields: Any) -> None:
    """Set fields of a JSON file; None removes one."""
    tree = json.loads(path.read_text())
    for field, value in fields.items():
        tree[field] = value
        if value is None:
            del tree[field]
    path.write_text(json.dumps(tree))


def refusal(folder: Path | str) -> str:
    """The sentence, which must come soon."""
    started = time.process_time()
    with pytest.raises(ModelError) as caught:
        load_model(ModelSettings(name=str(folder), device="cpu"))
    assert time.process_time() - started < 2
    assert "\n" not in str(caught.value)
    return str(caught.value)
