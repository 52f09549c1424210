"""What a repair is called."""

from __future__ import annotations

import pytest

from icldiag.analyses.search.calibrations import combined


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("order 2 1", "batch calibration with order 2 1"),
        ("without demonstration 2 (Person)", "batch calibration without demonstration 2 (Person)"),
    ],
)
def test_a_calibration_of_a_changed_prompt(change: str, name: str) -> None:
    assert combined("batch", change) == name
