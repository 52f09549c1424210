"""Chunks so small that a few rows are several."""

from __future__ import annotations

import pytest

from icldiag.classifier import predictions, scorer


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "CHUNK", 5)
    monkeypatch.setattr(scorer, "CHUNK", 3)
