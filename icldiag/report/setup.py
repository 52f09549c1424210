"""What differs between two reports before anything is computed: model, prompt, settings, versions."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np

from icldiag.page.blocks import Cell

_IGNORED = ("file", "warnings", "tokens", "seam")  # follow from the rest, or are places
_LONG = 60
_HASH = "prompt sha256"  # differing alone, it tells of the queries or examples
_TEXTS = (
    "name",
    "template",
    "separator",
    "instruction",
    "instruction_separator",
    "fields",
)  # placeholders stand for them


def setup_rows(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[Cell, ...]]:
    """Rows (what, in a, in b) of all that differs, the model first; of a redacted report no texts are compared."""
    rows: list[tuple[Cell, ...]] = []
    hidden = a["redacted"] or b["redacted"]
    for part in ("model", "prompt", "settings"):
        old, new = (dict(_flat(report[part], hidden=hidden and part == "prompt")) for report in (a, b))
        for name in {**old, **new}:
            if name.split(".")[0] not in _IGNORED and old.get(name) != new.get(name):
                rows.append((f"{part} {name.replace('_', ' ')}", _short(old.get(name)), _short(new.get(name))))
    told = [row for row in rows if str(row[0]).startswith("prompt ") and row[0] != _HASH]
    rows = [
        row for row in rows if row[0] != _HASH or not told or hidden
    ]  # it follows from what else differs in the prompt
    rows += _versions(a, b)
    return rows


def _versions(a: dict[str, Any], b: dict[str, Any]) -> Iterator[tuple[Cell, ...]]:
    old, new = (
        {"icldiag": report["icldiag"], **((report["environment"] or {}).get("packages") or {})} for report in (a, b)
    )
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            yield (f"version of {name}", old.get(name), new.get(name))


def _flat(values: dict[str, Any], before: str = "", hidden: bool = False) -> Iterator[tuple[str, Any]]:
    """Members by dotted name; demonstrations and labels by their number, everything else that is a list as one.

    hidden: leave the user's texts out.
    """
    for name, value in values.items():
        if hidden and not before and name in _TEXTS:
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif name == "demonstrations" and isinstance(value, list):
            for number, shown in enumerate(value, start=1):
                texts = [f"{field}: {text}" for field, text in (shown.get("fields") or {}).items()]
                told = f"{'; '.join(texts) or shown['text']} ({shown['label']})"
                yield f"demonstration {number}", shown["label"] if hidden else told
        elif name == "labels" and isinstance(value, list):
            for number, label in enumerate(value, start=1):
                yield f"label {number}", label["name"] if hidden else f"{label['name']}, written {label['word']!r}"
        elif name == "beta" and value is not None:
            yield name, _told(value)
        else:
            yield f"{before}{name}", value


def _told(beta: list[list[list[float]]]) -> str:
    """A trained beta in words by which it is told apart from another."""
    found = np.array(beta, np.float64)
    shape = " x ".join(map(str, found.shape))
    return f"a trained one, {shape} (layers, heads, demonstrations), sha256 {sha256(found.tobytes()).hexdigest()[:12]}"


def _short(value: Any) -> str | None:
    """As text; long lists are not spelled out."""
    if value is None:
        return None
    text = str(value)
    return text if isinstance(value, str) or len(text) <= _LONG else f"{text[: _LONG - 1]}…"
