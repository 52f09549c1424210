"""What a sweep's page says of confused labels and of depth, from cells that are made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.page.blocks import Figure, Part, Table
from icldiag.samples import sample_path
from icldiag.sweeps.cells import cells_of
from icldiag.sweeps.numbers import Numbers
from icldiag.sweeps.parts import confusion, depth
from icldiag.sweeps.plan import Plan, read_plan
from icldiag.sweeps.results import Result

MODEL = "bundled"


Read = Callable[[str, str], Plan]


@pytest.fixture
def plan(tmp_path: Path) -> Read:
    """One prompt, two seeds."""

    def of(sample: str, analysis: str) -> Plan:
        path = tmp_path / "sweep.yaml"
        prompts = f"prompts:\n  own: {{prompt: {sample_path(sample)}}}\n"
        path.write_text(f"models: [{MODEL}]\nseeds: 2\n{prompts}analyses: [{analysis}]\n")
        return read_plan(path)

    return of


def numbers(plan: Plan, *values: dict[str, Any]) -> Numbers:
    """The values of each seed."""
    found = {cell: Result(values[cell.seed], 1.0, {}) for cell in cells_of(plan) if cell.seed < len(values)}
    return Numbers(plan, found)


def symmetric(count: int, pairs: Sequence[float | None]) -> list[list[float | None]]:
    matrix: list[list[float | None]] = [[None] * count for _ in range(count)]
    places = zip(*np.triu_indices(count, 1), strict=True)
    for (row, column), value in zip(places, pairs, strict=True):
        matrix[row][column] = matrix[column][row] = value
    return matrix


def confused(aucs: Sequence[float | None], distances: Sequence[float | None], layer: int) -> dict[str, Any]:
    count = 4 if len(aucs) == 6 else 2
    return {
        "auc": symmetric(count, aucs),
        "distance": symmetric(count, distances),
        "spearman": 1.0 if count == 4 else None,
        "layer": layer,
    }


def tables(part: Part) -> list[Table]:
    return [block for block in part.blocks if isinstance(block, Table)]


def test_the_worst_separated_pair_comes_first_with_the_mean_over_seeds(plan: Read) -> None:
    made = plan("emotion", "confusion")
    rising = [0.9, 0.5, 0.7, 0.8, 0.95, 0.6]
    part = confusion.part(numbers(made, confused(rising, rising, 6), confused([0.8, *rising[1:]], rising, 5)))
    first, _, second, _ = made.tasks[0].shape.label_names
    assert f"bundled, own: {first} and {second} are separated worst (AUC 0.50 ± 0.00, distance of the" in part.reading
    correlation, pairs = tables(part)
    assert correlation.rows[0][:2] == ("own", "1.00 ± 0.00")
    assert correlation.rows[0][-2:] == (2, "6 (1x), 5 (1x)")
    assert [row[2] for row in pairs.rows][:2] == ["0.50 ± 0.00", "0.60 ± 0.00"]
    assert len(pairs.rows) == 6
    assert "0.85 ± 0.07" in {row[2] for row in pairs.rows}


@pytest.mark.parametrize(("auc", "told"), [(0.75, True), (None, False)])
def test_two_labels_have_one_pair_and_no_correlation(plan: Read, auc: float | None, told: bool) -> None:
    part = confusion.part(numbers(plan("sentiment", "confusion"), confused([auc], [1.0], 6)))
    correlation, pairs = tables(part)
    assert correlation.rows[0][1:] == (None, None, None, 0, "6")
    assert pairs.rows == (("Positive and Negative", "1.00", None if auc is None else "0.75"),)
    assert ("are separated worst (AUC 0.75, distance of the anchors 1.00)" in part.reading) is told
    assert ("so few labels cannot tell" in part.reading) is told


def test_close_anchors_are_said_to_be_mixed_up_where_the_test_says_so(plan: Read) -> None:
    rising = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    made = plan("emotion", "confusion")
    same = confusion.part(numbers(made, confused(rising, rising, 6), confused(rising, rising, 6)))
    opposite = confusion.part(numbers(made, confused(rising, rising[::-1], 6), confused(rising, rising[::-1], 6)))
    assert "Close anchors are mixed up (mean Spearman 1.00" in same.reading
    assert "Close anchors are not surely the ones mixed up (mean Spearman -1.00" in opposite.reading


def test_depth_names_the_best_layer_and_what_is_undefined_nowhere(plan: Read) -> None:
    def values(low: float, lens: Sequence[float | None]) -> dict[str, Any]:
        return {"state_auc": [low, 0.9, 0.8], "auc": lens, "accuracy": [0.2, 0.3, 0.4], "mass": [0.0, 0.1, 0.2]}

    made = plan("sentiment", "depth")
    kept = {"agreement": [0.0, 0.5, 1.0], "spelled": [0.1, 0.2, 0.3]}  # not in cells of before
    (newer,) = tables(depth.part(numbers(made, values(0.5, [None] * 3) | kept, values(0.5, [None] * 3) | kept)))
    assert newer.columns[-3:] == ("the final answer leads", "label mass", "label mass, any case or spacing")
    assert newer.rows[2][-3:] == pytest.approx((1.0, 0.2, 0.3))
    part = depth.part(numbers(made, values(0.5, [None, 0.6, 0.7]), values(0.7, [None, 0.8, 0.9])))
    assert "AUC of the states 0.90 after 1 of 2 layers (at the end 0.80)" in part.reading
    assert "AUC by the lens 0.80 after 2 of 2 layers (at the end 0.80)" in part.reading
    assert "label mass" not in part.reading
    assert "leads" not in part.reading
    (table,) = tables(part)
    passed, states, lens, *_ = table.rows[0]
    assert (passed, lens) == (0, None)
    assert states == pytest.approx(0.6)
    (figure,) = (block for block in part.blocks if isinstance(block, Figure))
    assert figure.draw() is not None


def test_where_nothing_was_computed_the_parts_say_nothing(plan: Read) -> None:
    assert tables(confusion.part(numbers(plan("sentiment", "confusion"))))[0].rows == ()
    part = depth.part(numbers(plan("sentiment", "depth")))
    assert (part.reading, part.blocks) == ("", ())
