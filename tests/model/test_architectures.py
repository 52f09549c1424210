"""Every architecture of tests/architectures.py is computed exactly, and docs/architectures.md says so."""

from __future__ import annotations

import re

import pytest

from benchmarks.architectures import BEGIN, END, HEADER, PAGE, measured
from icldiag.prompt.schema import Prompt
from tests.architectures import ARCHITECTURES
from tests.parity import TOLERANCE

TABLE = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip().splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_every_architecture_and_no_other() -> None:
    assert TABLE[0] == HEADER
    assert [cells(line)[1].strip("`") for line in TABLE[2:]] == list(ARCHITECTURES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_is_as_in_the_eager_model(architecture: str, prompt: Prompt) -> None:
    model, parity = measured(architecture, prompt)
    assert parity.forward < 1e-5 and parity.worst < TOLERANCE, parity
    shown = cells(TABLE[2 + list(ARCHITECTURES).index(architecture)])
    about = ARCHITECTURES[architecture]
    assert shown[:4] == [about.models, f"`{architecture}`", about.special or "-", model.seam.name]
    assert all(re.fullmatch(r"\de-\d\d", number) and float(number) < TOLERANCE for number in shown[4:]), shown
