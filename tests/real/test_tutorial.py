"""docs/tutorial.md: its cells print what it shows, in the same words, and the same numbers as far as machines agree."""

from __future__ import annotations

import re

import pytest

from tools.tutorial import PAGE, made

_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?:e-?\d+)?")


@pytest.mark.real
@pytest.mark.usefixtures("smollm2")
def test_the_page_shows_what_its_cells_print() -> None:
    shown = PAGE.read_text(encoding="utf-8")
    printed = made(shown)
    assert _NUMBER.sub("0", printed).split() == _NUMBER.sub("0", shown).split()
    for before, now in zip(_NUMBER.findall(shown), _NUMBER.findall(printed), strict=True):
        assert float(now) == pytest.approx(float(before), rel=0.05, abs=0.03)
