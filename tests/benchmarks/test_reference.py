"""The reference does the same work as icldiag: otherwise its times would mean nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.reference import Reference
from icldiag.analyses.isolation.cuts import Cut
from icldiag.model.padding import batch_of
from icldiag.prompt.edit import swap
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny


@pytest.fixture(params=["gpt2", "llama"])
def session(request: pytest.FixtureRequest, prompt: Prompt, tiny: Tiny) -> Session:
    examples = tuple(Example(f"Who is number {n} ?", n % 3) for n in range(12))
    return Session(replace(prompt, examples=examples), tiny(request.param))


@pytest.fixture
def reference(session: Session) -> Reference:
    return Reference(session.model, session.encoded)


def test_predictions(session: Session, reference: Reference) -> None:
    scores = reference.predictions(3).softmax(-1).numpy()
    np.testing.assert_allclose(scores, session.prediction().probabilities[:3], rtol=1e-4)


def test_changed_prompts(session: Session, reference: Reference) -> None:
    prompt = session.prompt
    changed = session.with_prompt(replace(prompt, demonstrations=prompt.demonstrations[1:]))
    found = reference.changed([[*changed.encoded.prefix, *changed.encoded.queries[2].ids]])
    np.testing.assert_allclose(found[0].numpy(), changed.prediction().scores[2], atol=1e-4)


def test_isolation(session: Session, reference: Reference) -> None:
    found = session.isolate(Cut.of("text_to_label", [0, 2])).answers.probabilities[:3]
    np.testing.assert_allclose(reference.isolated([0, 2], 3).softmax(-1).numpy(), found, rtol=1e-4)
    assert not np.allclose(found, session.prediction().probabilities[:3], rtol=1e-3)


def test_extraction(session: Session, reference: Reference) -> None:
    attention = reference.extraction(3).numpy()  # (3, L, n)
    classes = [place.label_class for place in session.encoded.demonstrations]
    by_class = np.stack([attention[..., np.array(classes) == label].sum(-1) for label in range(3)], -1)
    np.testing.assert_allclose(by_class, session.extraction().attention[:3], rtol=1e-4)


def test_saliency(session: Session, reference: Reference) -> None:
    label = session.prompt.queries[0].label
    assert label is not None
    np.testing.assert_allclose(reference.saliency(0, label).numpy(), session.flow(0).raw, rtol=1e-3)


def test_direct_shares(session: Session, reference: Reference) -> None:
    found = session.depth(0)
    assert found.parts is not None
    first, second = (session.encoded.label_tokens[label][0] for label in (found.answer, found.rival))
    heads, mlps = reference.direct(0, (first, second))
    np.testing.assert_allclose(heads, found.parts.heads, atol=1e-5)
    np.testing.assert_allclose(mlps, found.parts.mlp, atol=1e-5)


def test_patching(session: Session, reference: Reference) -> None:
    counterpart = swap(session.prompt, 0, 2)
    found = session.patching(1, counterpart, cells=None)
    other = Reference(session.model, Session(counterpart, session.model).encoded)
    site, layer = found.sites[3], 1
    states: list[torch.Tensor] = []
    handle = session.model.layers[layer].register_forward_pre_hook(
        lambda module, args, kwargs: states.append((args[0] if args else kwargs["hidden_states"])[0]), with_kwargs=True
    )
    try:
        session.model.run(batch_of([other.prompts[1]], 0))
    finally:
        handle.remove()
    scores = reference.patched(1, layer, site.here, states[0][list(site.there)])
    wanted = found.lead - float(scores[found.answer] - scores[found.rival])
    assert found.moved[0, layer, 3] == pytest.approx(wanted, abs=1e-4)


def test_training_step(session: Session, reference: Reference) -> None:
    """Its gradient is that of the loss which re-weighting descends, by finite differences of predictions with beta."""
    shape = session.beta_shape
    beta = torch.zeros(shape, requires_grad=True)
    loss, gradient = reference.training_step(beta, 0, 1)
    size = float(gradient.norm())
    step = (0.1 / size * gradient).numpy()  # along the gradient, where rounding is small against the change

    def loss_at(change: np.ndarray) -> float:
        return float(-np.log(session.with_beta(change).prediction().probabilities[0, 1]))

    assert float(loss) == pytest.approx(loss_at(0 * step), rel=1e-4)
    assert (loss_at(step) - loss_at(-step)) / 0.2 == pytest.approx(size, rel=1e-2)


def test_nothing_is_left_behind(session: Session, reference: Reference) -> None:
    before = session.model.model.config._attn_implementation
    reference.predictions(1)
    assert session.model.model.config._attn_implementation == before
