"""How often an analysis waits for the device: at most twice a pass, and nowhere in secret.

The model is on torch's meta device, where nothing has a number: what is moved to the host there is counted and made
up, and whatever else asks for a number is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.edit import swap
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.model.test_waits import META, weightless


@dataclass
class Counts:
    passes: list[int] = field(default_factory=list)  # rows of each
    transfers: int = 0

    def clear(self) -> None:
        self.passes.clear()
        self.transfers = 0


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    found, numbers = Counts(), torch.Generator().manual_seed(0)
    run, to_cpu = InstrumentedModel.run, Tensor.cpu

    def counted(self: InstrumentedModel, batch: Any, **rest: Any) -> Any:
        found.passes.append(len(batch.ids))
        return run(self, batch, **rest)

    def cpu(tensor: Tensor) -> Tensor:
        if tensor.device != META:
            return to_cpu(tensor)
        found.transfers += 1
        if not tensor.is_floating_point():
            return torch.zeros(tensor.shape, dtype=tensor.dtype)
        return torch.rand(tensor.shape, generator=numbers).to(tensor.dtype)

    monkeypatch.setattr(InstrumentedModel, "run", counted)
    monkeypatch.setattr(Tensor, "cpu", cpu)
    return found


#: analysis, and at most so many passes of this model, and of transfers beside two a pass
ANALYSES: dict[str, tuple[Callable[[Session], object], int]] = {
    "prediction": (lambda session: session.prediction(), 2),
    "overview": (lambda session: session.overview(), 6),
    "demonstrations": (lambda session: session.demonstrations(), 6),
    "heads": (lambda session: session.heads(), 6 + 23),  # one a query there and back, then one a cut
    "depth": (lambda session: session.depth(0), 3),
    "shares": (lambda session: session.shares(), 18),
    "head sides": (lambda session: session.head_sides(), 40),
    "contrast": (lambda session: session.contrast(0), 1),
    "flow": (lambda session: session.flow(0), 1),
    "isolation": (lambda session: session.isolation(), 9),
    "patching": (lambda session: session.patching(0, swap(session.prompt, 0, 1)), 67),  # one a cell
}


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_waits_at_most_twice_a_pass(name: str, prompt: Prompt, counts: Counts) -> None:
    work, passes = ANALYSES[name]
    session = Session(prompt, weightless("gpt2"))
    if name != "prediction":  # which the others begin with
        session.prediction()
        counts.clear()
    work(session)
    assert 0 < len(counts.passes) <= passes
    assert counts.transfers <= 2 * len(counts.passes) + (name == "prediction")  # its demonstrations' query vectors
