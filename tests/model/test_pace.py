"""What a token takes, by the passes so far."""

from __future__ import annotations

import pytest

from icldiag.model.pace import Pace
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny


def test_each_pass_counts_and_the_latest_most() -> None:
    pace = Pace()
    assert pace.per_token is None
    for _ in range(10):
        pace.add(968, 10.0)
    assert pace.per_token == pytest.approx(0.01)
    for _ in range(10):
        pace.add(968, 20.0)
    assert 0.0198 < (pace.per_token or 0) < 0.02


def test_a_small_pass_does_not_make_tokens_look_slow() -> None:
    """A pass of two tokens takes as long as one of thirty."""
    pace = Pace()
    pace.add(968, 1.0)
    pace.add(2, 0.04)
    assert 0.001 < (pace.per_token or 0) < 0.0011


def test_it_is_of_passes_and_not_of_loading(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    assert session.model.pace.per_token is None
    session.prediction()
    assert 0 < (session.model.pace.per_token or 0) < 0.1
