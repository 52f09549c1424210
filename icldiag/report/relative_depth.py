"""The lens of two models in one figure.

They may have different numbers of layers, so the curves are drawn against

    relative depth = layers passed / layers of the model, 0 before the first layer and 1 at the output
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from icldiag.counting import counted
from icldiag.page.blocks import Figure, Part, Table
from icldiag.page.figures import curves

Values = dict[str, Any]

_DRAWN = {"accuracy": "right by the lens", "auc": "AUC by the lens", "state_auc": "AUC of the states"}
_UNLABELLED = {"agreement": "leads as in the answer", "mass": "label mass"}  # drawn where no gold label is known
_BY_ROW = ("accuracy", "auc", "state_auc", "agreement", "mass")


def depth_part(a: Values, b: Values) -> Part | None:
    """The lens of both models against relative depth."""
    if not (a["depth"] and b["depth"] and a["depth"]["agreement"] and b["depth"]["agreement"]):
        return None
    depths = [report["depth"] for report in (a, b)]
    defined = {key for key in _BY_ROW if all(_defined(depth[key]) for depth in depths)}
    drawn = {key: name for key, name in _DRAWN.items() if key in defined} or _UNLABELLED
    series = [
        (f"{name} {letter}", depth[key])
        for key, name in drawn.items()
        for letter, depth in zip("ab", depths, strict=True)
    ]
    positions = [relative_depth(values) for _, values in series]
    caption = (
        "The labels by relative depth (layers passed / layers; logit lens), one colour a measure, b dashed. "
        f"Model a has {counted(len(depths[0]['mass']) - 1, 'layer')}, model b {len(depths[1]['mass']) - 1}."
    )
    rows = tuple(
        (letter, row, float(place), *(_cell(depth[key], row) for key in _BY_ROW))
        for letter, depth in zip("ab", depths, strict=True)
        for row, place in enumerate(relative_depth(depth["mass"]))
    )
    columns = (
        "model",
        "layers passed",
        "relative depth",
        "right",
        "AUC",
        "AUC of the states",
        "agreement",
        "label mass",
    )
    chance = 0.5 if {"auc", "state_auc"} & set(drawn) else None  # of an AUC
    figure = Figure(
        "depth",
        caption,
        lambda: curves(series, "relative depth", "", reference=chance, paired=True, positions=positions),
    )
    return Part(
        "depth",
        "Depth: the labels by layer",
        _depth_reading(depths),
        (figure, Table("depth", caption, columns, rows, place="folded")),
    )


def relative_depth(values: Sequence[Any]) -> Any:
    """(L + 1,) of the rows before the first of L layers and after each."""
    return np.arange(len(values)) / (len(values) - 1)


def _defined(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _cell(values: Sequence[float | None], row: int) -> float | None:
    return values[row] if row < len(values) else None


def _depth_reading(depths: Sequence[Values]) -> str:
    if all(_defined(depth["state_auc"]) for depth in depths):
        told = []
        for letter, depth in zip("ab", depths, strict=True):
            state = [-1.0 if value is None else value for value in depth["state_auc"]]
            row = int(np.argmax(state))
            told.append(f"in model {letter} at {relative_depth(state)[row]:.2f} of the depth (AUC {state[row]:.2f})")
        return f"The states tell the labels apart best {told[0]}, {told[1]}."
    told = []
    for letter, depth in zip("ab", depths, strict=True):
        agreement = depth["agreement"]
        apart = np.flatnonzero(np.array(agreement, np.float64) < 1)
        if len(apart) and apart[-1] == len(agreement) - 1:
            told.append(f"in model {letter} nowhere, as first tokens lead otherwise than whole label words")
        else:
            row = int(apart[-1]) + 1 if len(apart) else 0
            told.append(f"in model {letter} from {relative_depth(agreement)[row]:.2f} of the depth on")
    return f"By the lens every answer leads {told[0]}, {told[1]}."
