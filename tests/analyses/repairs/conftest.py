"""Short trainings: what repairs do with a beta does not depend on how good it is."""

from __future__ import annotations

import pytest

from icldiag.analyses.repairs import anchors


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "STEPS", 3)
