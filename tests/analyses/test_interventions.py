"""The tests that every intervention must pass, on every architecture, and what a cancel or an error leaves behind.

Doing nothing changes nothing, doing something changes the answers, and leaving restores the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch

from icldiag.analyses.compression.caches import cache_at
from icldiag.analyses.compression.compute import kept_positions
from icldiag.analyses.isolation.cuts import Cut, CutKind
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.errors import Cancelled
from icldiag.model.attention import product
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, read_queries, silent
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import CONFIGURATIONS, Tiny

WORKS = ["saliency", "isolation", "reweighting", "compression"]  # extraction has no pass of its own


@dataclass(frozen=True)
class Intervention:
    """Probabilities of all queries under an intervention that does nothing, and under one that does something."""

    nothing: Callable[[Session], FloatArray]
    something: Callable[[Session], FloatArray]


def cut(session: Session, kind: CutKind, layers: list[int], renormalise: bool = True) -> FloatArray:
    return session.isolate(Cut.of(kind, layers, renormalise=renormalise)).answers.probabilities


def reweighted(session: Session, size: float) -> FloatArray:
    beta = np.random.default_rng(0).normal(size=session.beta_shape).astype(np.float32)
    return session.with_beta(size * beta).prediction().probabilities


def trained(session: Session, learning_rate: float) -> FloatArray:
    return session.reweighting(TrainingSettings(epochs=2, learning_rate=learning_rate)).after.probabilities


def compressed(session: Session, everything: bool) -> FloatArray:
    encoded, prefix = session.encoded, session.prefix(silent)
    kept = range(len(encoded.prefix)) if everything else kept_positions(encoded)
    return read_queries(session.model, encoded, prefix, context=cache_at(prefix, kept)).probabilities


INTERVENTIONS = {
    **{
        f"{kind}{'' if renormalise else ' after the softmax'}": Intervention(
            partial(cut, kind=kind, layers=[], renormalise=renormalise),
            partial(cut, kind=kind, layers=[0, 2], renormalise=renormalise),
        )
        for kind in ("text_to_label", "label_to_target", "random_words")
        for renormalise in (True, False)
    },
    "the last layer alone": Intervention(
        partial(cut, kind="text_to_label", layers=[3]), partial(cut, kind="label_to_target", layers=[3])
    ),
    "beta": Intervention(partial(reweighted, size=0.0), partial(reweighted, size=1.0)),
    "training": Intervention(partial(trained, learning_rate=0.0), partial(trained, learning_rate=0.5)),
    "compression": Intervention(partial(compressed, everything=True), partial(compressed, everything=False)),
}


@pytest.fixture
def trainable(prompt: Prompt) -> Prompt:
    return replace(prompt, examples=tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12)))


@pytest.mark.parametrize("name", INTERVENTIONS)
@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_three_times(architecture: str, name: str, tiny: Tiny, trainable: Prompt) -> None:
    session, ids = Session(trainable, tiny(architecture)), [5, 6, 7, 8, 9]
    before = logits(session, ids)
    answers = session.prediction().probabilities
    nothing, something = INTERVENTIONS[name].nothing(session), INTERVENTIONS[name].something(session)
    np.testing.assert_allclose(nothing, answers, rtol=0, atol=1e-6)
    assert np.abs(something - answers).max() > 1e-3
    for then, now in zip(before, logits(session, ids), strict=True):
        assert torch.equal(then, now)
    np.testing.assert_array_equal(Session(trainable, session.model).prediction().probabilities, answers)


def logits(session: Session, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The instrumented model's, and the plain one's."""
    with torch.no_grad():
        instrumented = session.model.run(batch_of([ids], 0)).logits[0, -1]
        with session.model.plain() as plain:
            return instrumented, plain(input_ids=torch.tensor([ids])).logits[0, -1]


@pytest.mark.parametrize("error", [Cancelled("stopped"), ZeroDivisionError("a bug of ours")], ids=["cancel", "error"])
@pytest.mark.parametrize("when", [1, 5])
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("architecture", ["gpt2", "gptj"])
def test_stopping_in_the_middle_restores_the_model(
    architecture: str, work: str, when: int, error: Exception, tiny: Tiny, trainable: Prompt
) -> None:
    session, ids = Session(trainable, tiny(architecture)), [5, 6, 7, 8]
    session.prediction()
    before, calls = logits(session, ids), 0

    def stop(what: str, done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == when:
            raise error

    with pytest.raises(type(error)):
        getattr(session, work)(progress=stop)
    for then, now in zip(before, logits(session, ids), strict=True):
        assert torch.equal(then, now)
    assert not any("forward" in layer.__dict__ for layer in session.model.layers)
    assert all(not layer._forward_pre_hooks and not layer._forward_hooks for layer in session.model.layers)
    assert all(weight.grad is None and not weight.requires_grad for weight in session.model.model.parameters())
    getattr(session, work)()  # and it can be computed afterwards


@pytest.mark.parametrize("work", WORKS)
def test_progress_is_told_to_its_end(work: str, tiny: Tiny, trainable: Prompt) -> None:
    session = Session(trainable, tiny())
    session.prediction()
    told: list[tuple[str, int, int]] = []
    getattr(session, work)(progress=lambda what, done, total: told.append((what, done, total)))
    assert len(told) > session.model.n_layers  # asked between layers and batches whether to go on
    assert all(0 <= done <= total for _, done, total in told)
    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_half_precision_gives_finite_numbers(
    architecture: str, dtype: torch.dtype, tiny: Tiny, trainable: Prompt
) -> None:
    session = Session(trainable, tiny(architecture, dtype))
    assert np.isfinite(session.prediction().probabilities).all()
    assert np.isfinite(session.flow(1).raw).all()
    assert np.isfinite(session.extraction().attention).all()
    assert np.isfinite(session.isolation().settings[0].answers.probabilities).all()
    assert np.isfinite(session.reweighting(TrainingSettings(epochs=1)).beta).all()
    assert np.isfinite(session.compression(draws=1).hidden_anchor.answers.probabilities).all()
    assert np.isfinite(session.confusion().distance).all()


def test_what_one_of_two_factors_lacks_is_one() -> None:
    first, second = torch.tensor([[2.0, 3.0], [4.0, 5.0]]), torch.tensor([[10.0], [0.5]])
    for one, other in ((first, second), (second, first)):
        found = product(one, other)
        assert found is not None
        assert found.tolist() == [[20.0, 3.0], [2.0, 5.0]]
        assert product(one, None) is one
        assert product(None, one) is one
    assert product(None, None) is None
    assert first[0, 0] == 2.0  # neither is changed
