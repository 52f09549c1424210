"""Re-weighting against an explicit product in plainly written attention; its training; saved betas."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.reweighting.beta_file import demonstrations_hash, load_beta, save_beta
from icldiag.analyses.reweighting.compute import draw_examples
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.analyses.reweighting.training import TrainingSettings, train_beta
from icldiag.analyses.saliency.compute import flow_of_query
from icldiag.errors import AnalysisError
from icldiag.model.readout import read_queries, silent
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import CONFIGURATIONS, Tiny
from tests.eager import ids_of, plain_run


@pytest.fixture
def session(prompt: Prompt, tiny: Tiny) -> Session:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    return Session(replace(prompt, examples=examples), tiny())


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_beta_is_an_explicit_product(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    torch.manual_seed(1)
    beta = torch.randn(model.n_layers, model.n_heads, len(encoded.demonstrations))

    def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        attention = attention.clone()
        attention[0, :, -1, list(encoded.anchors)] *= beta[layer].exp()
        return attention

    found = read_queries(model, encoded, prefix, target_edits=beta_edits(encoded, beta))
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    for query in (1, 3):
        with torch.no_grad():
            wanted = plain_run(model, ids_of(encoded, query), scaled)[firsts]
        np.testing.assert_allclose(found.label_scores[query], wanted.numpy(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_a_step_is_the_gradient_through_the_whole_prompt(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    """One step on one token against autograd through everything: Adam's first step shows the gradient's sign."""
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    example = Example("Where does the film meet the canal ?", 1)
    as_query = encode(prompt.with_queries([example]), model.tokenizer)
    beta = torch.zeros(model.n_layers, model.n_heads, len(encoded.demonstrations), requires_grad=True)

    def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        factor = torch.ones_like(attention)
        factor[0, :, -1, list(encoded.anchors)] = beta[layer].exp()
        return attention * factor

    logits = plain_run(model, ids_of(as_query, 0), scaled)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    loss = torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([1]))
    loss.backward()  # type: ignore[no-untyped-call]
    settings = TrainingSettings(epochs=1, learning_rate=1e-3)
    trained, losses = train_beta(model, encoded, prefix, [example], settings)
    assert losses[0, 0] == pytest.approx(loss.item(), rel=1e-5)
    assert beta.grad is not None
    clear = beta.grad.abs() > 1e-5
    assert clear.float().mean() >= 0.5  # Mistral's window hides half of the anchors
    torch.testing.assert_close(trained[clear], -1e-3 * beta.grad[clear].sign(), rtol=2e-2, atol=0)


def test_only_some_heads_are_trained_as_by_a_plain_mask(tiny: Tiny, prompt: Prompt) -> None:
    """Three steps of Adam against torch's own on a beta of these heads alone, through the whole prompt."""
    model = tiny("llama")
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    examples = [Example("Where does the film meet the canal ?", 1), Example("Who cross the park ?", 0)]
    heads = ((1, 2), (3, 0), (3, 1))
    own = torch.zeros(len(heads), len(encoded.demonstrations), requires_grad=True)
    adam = torch.optim.Adam([own], lr=0.05)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    for example in (*examples, *examples):
        as_query = encode(prompt.with_queries([example]), model.tokenizer)

        def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
            factor = torch.ones_like(attention)
            for row, (at, head) in enumerate(heads):
                if at == layer:
                    factor[0, head, -1, list(encoded.anchors)] = own[row].exp()
            return attention * factor

        logits = plain_run(model, ids_of(as_query, 0), scaled)
        loss = torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([example.known_label]))
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    settings = TrainingSettings(epochs=2, learning_rate=0.05, heads=heads)
    trained, losses = train_beta(model, encoded, prefix, examples, settings)
    assert losses[-1, -1] == pytest.approx(loss.item(), rel=1e-4)
    chosen = tuple(torch.tensor(heads).T)
    torch.testing.assert_close(trained[chosen], own.detach(), rtol=2e-2, atol=2e-4)
    rest = trained.clone()
    rest[chosen] = 0
    assert not rest.any() and trained.any()


def test_anchor_heads_are_looked_for(session: Session) -> None:
    found = session.heads()
    if not found.anchor_heads:
        with pytest.raises(AnalysisError, match="no anchor heads to re-weight alone"):
            session.reweighting(TrainingSettings(heads="anchor"))
        return
    alone = session.reweighting(TrainingSettings(epochs=1, heads="anchor"))
    named = session.reweighting(TrainingSettings(epochs=1, heads=found.anchor_heads))
    assert alone.settings.heads == tuple(sorted(found.anchor_heads)) == named.settings.heads
    assert alone.beta.tolist() == named.beta.tolist()
    weighted = {(int(layer), int(head)) for layer, head in np.argwhere(alone.beta.any(axis=2))}
    assert weighted <= set(found.anchor_heads) and weighted
    assert "alone, trained on" in str(alone)


def test_heads_that_are_not_there_are_refused(session: Session) -> None:
    with pytest.raises(AnalysisError, match="the model has heads 0 to 3 in each layer"):
        session.reweighting(TrainingSettings(heads=((0, 9),)))
    with pytest.raises(AnalysisError, match="heads"):
        TrainingSettings(heads="some")  # type: ignore[arg-type]
    kept = session.reweighting(TrainingSettings(epochs=1, heads=((3, 0), (3, 0))))  # one head, named twice
    assert kept.settings.heads == ((3, 0),)


def test_a_full_batch_learns_too(session: Session) -> None:
    """Its first loss is the mean of the single examples'."""
    whole = session.reweighting(TrainingSettings(batch_size=0, learning_rate=0.1, epochs=5))
    assert whole.loss_per_step.shape == (5, 1)
    assert whole.loss[-1] < whole.loss[0]
    still = session.reweighting(TrainingSettings(learning_rate=0.0, epochs=1))
    assert still.loss_per_step.shape == (1, 12)
    assert whole.loss[0] == pytest.approx(still.loss[0], rel=1e-5)


@pytest.mark.parametrize("texts", [("a", "b", "c"), ("a", "Where does the sea meet", "c d")])
@pytest.mark.parametrize("batch_size", [1, 2, 0])
def test_the_first_loss_is_that_of_the_predictions(
    batch_size: int, texts: tuple[str, ...], tiny: Tiny, prompt: Prompt
) -> None:
    """Also where nothing stands before an example's last token."""
    examples = tuple(Example(text, label) for label, text in enumerate(texts))
    session = Session(replace(prompt, template="{text}{label}", examples=examples), tiny("llama"))
    assert min(len(query.ids) for query in session.encoded.queries) == 1  # the empty query, so the prefix is shorter
    found = session.reweighting(TrainingSettings(per_class=1, epochs=1, learning_rate=0.0, batch_size=batch_size))
    as_queries = session.with_prompt(session.prompt.with_queries(examples))
    assert len(as_queries.encoded.queries[0].ids) == 1
    wanted = -np.log(np.diagonal(as_queries.prediction().probabilities))
    size = batch_size or 3
    means = [wanted[start : start + size].mean() for start in range(0, 3, size)]
    np.testing.assert_allclose(found.loss_per_step[0], means, rtol=1e-4)


def test_early_stop_on_request(session: Session) -> None:
    found = session.reweighting(TrainingSettings(learning_rate=0.0, epochs=8, patience=2))
    assert len(found.loss) == 3
    assert found.stopped_early
    assert not session.reweighting(TrainingSettings(learning_rate=0.0, epochs=2)).stopped_early


def test_a_training_that_diverges_is_no_result(session: Session) -> None:
    with pytest.raises(AnalysisError, match="in epoch 1 the loss is not a finite number; use a learning rate below"):
        session.reweighting(TrainingSettings(learning_rate=1e30))


def test_examples_are_drawn_by_class_with_a_seed(prompt: Prompt) -> None:
    used = Example(prompt.queries[0].text, 0)
    prompt = replace(prompt, examples=(used, *(Example(f"example {i}", i % 3) for i in range(30))))
    drawn = draw_examples(prompt, 4, 1)
    assert [example.label for example in drawn] == [0, 1, 2] * 4
    assert used not in drawn
    assert drawn == draw_examples(prompt, 4, 1) != draw_examples(prompt, 4, 2)
    with pytest.raises(AnalysisError, match="needs 11 labelled examples of 'Person'"):
        draw_examples(prompt, 11, 1)


def test_a_saved_beta_is_loaded_for_its_own_prompt_and_model(tiny: Tiny, prompt: Prompt, tmp_path: Path) -> None:
    shape = Session(prompt, tiny()).beta_shape
    beta = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    path = tmp_path / "beta.safetensors"
    save_beta(path, beta, "/models/tiny", prompt)
    np.testing.assert_array_equal(load_beta(path, prompt, shape, "/moved/tiny"), beta)
    with pytest.raises(AnalysisError, match="this model and prompt need"):
        load_beta(path, prompt, (1, 2, 3), "tiny")
    with pytest.raises(AnalysisError, match="trained on model '/models/tiny', not 'other'"):
        load_beta(path, prompt, shape, "other")
    with pytest.raises(AnalysisError, match="other demonstrations"):
        load_beta(path, replace(prompt, demonstrations=prompt.demonstrations[::-1]), shape, "tiny")
    path.write_bytes(b"nothing")
    with pytest.raises(AnalysisError, match="not a saved beta"):
        load_beta(path, prompt, shape, "tiny")


def test_a_beta_with_any_altered_byte_is_refused(tiny: Tiny, prompt: Prompt, tmp_path: Path) -> None:
    shape = Session(prompt, tiny()).beta_shape
    beta = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    path = tmp_path / "beta.safetensors"
    save_beta(path, beta, "tiny", prompt)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        try:
            found = load_beta(path, prompt, shape, "tiny")
        except AnalysisError as error:
            assert "\n" not in str(error)
        else:  # the file's padding, or a way to write the same
            np.testing.assert_array_equal(found, beta)
    path.write_bytes(content[:-4] + b"\0\0\x80\x3f")
    with pytest.raises(AnalysisError, match=r"this beta is damaged \(its SHA-256 is another\); train it again"):
        load_beta(path, prompt, shape, "tiny")


def test_a_beta_of_an_earlier_version_is_read_with_a_note(tiny: Tiny, prompt: Prompt, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    session = Session(prompt, tiny())
    beta = np.random.default_rng(0).normal(size=session.beta_shape).astype(np.float32)
    known = {"format": "icldiag-beta/1", "model": session.model.name, "prompt": demonstrations_hash(prompt)}
    path = tmp_path / "beta.safetensors"
    save_file({"beta": beta}, path, known)
    changed = session.with_saved_beta(path)
    np.testing.assert_array_equal(changed.beta, beta)
    assert [note for note in changed.warnings if "earlier version and cannot be checked" in note]
    save_file({"beta": beta * np.nan}, path, known)
    with pytest.raises(AnalysisError, match="not numbers in float32"):
        session.with_saved_beta(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(AnalysisError, match="not a saved beta"):
        session.with_saved_beta(path)


def test_beta_is_in_force_in_every_other_analysis(session: Session) -> None:
    beta = np.random.default_rng(0).normal(size=session.beta_shape).astype(np.float32)
    changed = session.with_beta(beta)
    assert not np.allclose(changed.prediction().probabilities, session.prediction().probabilities, atol=1e-3)
    assert not np.allclose(changed.flow(1).raw, session.flow(1).raw, rtol=1e-2)
    assert not np.allclose(changed.extraction().attention, session.extraction().attention, rtol=1e-2)
    for name in ("isolation", "compression"):
        now, then = getattr(changed, name)(), getattr(session, name)()
        if name == "isolation":
            np.testing.assert_array_equal(now.before.probabilities, changed.prediction().probabilities)
            now, then = now.settings[0].answers, then.settings[0].answers
        else:
            now, then = now.hidden_anchor.answers, then.hidden_anchor.answers
        assert not np.allclose(now.probabilities, then.probabilities, atol=1e-3)
    assert changed.without_beta() is session
    np.testing.assert_array_equal(changed.reweighting().beta, session.reweighting().beta)  # trained without any beta
    again = flow_of_query(changed.model, changed.encoded, 1, 1, target_edits=changed.beta_edits, recompute=True)
    np.testing.assert_allclose(changed.flow(1).raw, again.raw, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2"])
def test_a_half_precision_model_is_trained_in_float32(
    architecture: str, tiny: Tiny, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, whole = tiny(architecture, torch.bfloat16), tiny(architecture, torch.bfloat16)
    whole.model.float()
    before = {name: (weight.dtype, weight.clone()) for name, weight in half.model.state_dict().items()}
    beta = {}
    for model in (half, whole):
        asked = Session(session.prompt, model)
        examples = asked.prompt.examples
        beta[model] = train_beta(model, asked.encoded, asked.prefix(silent), examples, TrainingSettings())[0]
    assert beta[half].dtype == torch.float32
    torch.testing.assert_close(beta[half], beta[whole], atol=1e-3, rtol=0)
    assert beta[half].abs().max() > 0.01
    for name, weight in half.model.state_dict().items():
        assert weight.dtype == before[name][0]
        assert torch.equal(weight, before[name][1])
    assert half.notes == []
    monkeypatch.setattr("icldiag.model.precision.free_memory", lambda device: 1000)
    asked = Session(session.prompt, half)
    train_beta(half, asked.encoded, asked.prefix(silent), session.prompt.examples, TrainingSettings(epochs=1))
    assert "trained in bfloat16, for memory does not hold the model in float32" in half.notes[0]
