"""Every intervention on other architectures: against plainly written attention, and the three tests each must pass.

Doing nothing changes nothing, doing something changes the logits, and leaving restores the model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.compression import compress, kept_positions
from icldiag.analyses.isolation import Cut, isolate, placed, prefix_edits, sweep, target_edits
from icldiag.analyses.reweighting import (
    TrainingSettings,
    beta_edits,
    draw_examples,
    load_beta,
    save_beta,
    train_beta,
)
from icldiag.analyses.saliency import flow_of_query
from icldiag.errors import AnalysisError, Cancelled
from icldiag.model.forward import InstrumentedModel, batch_of, on_rows
from icldiag.model.readout import read_queries
from icldiag.prompt.encode import EncodedPrompt, encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import plain_run

ARCHITECTURES = ["gpt2", "gptj", "bloom", "mistral"]  # all others: tests/model/test_architectures.py


def ids_of(encoded: EncodedPrompt, query: int) -> list[int]:
    return [*encoded.prefix, *encoded.queries[query].ids]


def logits_of(model: InstrumentedModel, encoded: EncodedPrompt, query: int, cut: Cut) -> Tensor:
    prefix = model.encode_prefix(encoded.prefix, edits=placed(prefix_edits(encoded, cut), model))
    batch = batch_of([encoded.queries[query].ids], len(encoded.prefix))
    edits = on_rows(target_edits(encoded, cut), [batch.ids.shape[1] - 1], model)
    with torch.no_grad():
        return model.run(batch, context=prefix.key_values, edits=edits).logits[0, -1]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("recompute", [False, True])
def test_saliency_is_that_of_autograd(architecture: str, recompute: bool, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    query, label = 1, 2
    ids = ids_of(encoded, query)
    record: dict[int, Tensor] = {}
    logits = plain_run(model, ids, lambda layer, scores, attention: attention, record)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    loss = torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([label]))
    loss.backward()  # type: ignore[no-untyped-call]
    found = flow_of_query(model, encoded, query, label, recompute=recompute)
    assert found.loss == pytest.approx(loss.item(), rel=1e-5)
    anchors = list(encoded.anchors)
    for layer, attention in record.items():
        assert attention.grad is not None
        flow = (attention * attention.grad).sum(1)[0].abs().fill_diagonal_(0).detach().numpy()
        np.testing.assert_allclose(found.into_target[layer], flow[-1], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(found.into_labels[layer], flow[anchors], rtol=1e-3, atol=1e-6)
        into, read = flow[anchors].sum(), flow[-1, anchors].sum()
        pairs = len(ids) * (len(ids) - 1) / 2
        rest = (flow.sum() - into - read) / (pairs - sum(anchors) - len(anchors))
        wanted = [into / sum(anchors), read / len(anchors), rest]
        np.testing.assert_allclose(found.raw[:, layer], wanted, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("kind", ["text_to_label", "label_to_target", "random_words"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_isolation_is_an_explicit_mask(architecture: str, kind: Any, tiny: Tiny, prompt: Prompt) -> None:
    from icldiag.analyses.isolation import random_words

    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    cut = Cut.of(kind, [0, 2], seed=3)
    words = random_words(encoded, 3)
    rows = {"text_to_label": list(encoded.anchors), "random_words": words, "label_to_target": []}[kind]

    def masked(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        if layer not in cut.layers:
            return attention
        scores = scores.clone()
        for row in rows:
            scores[:, :, row, :row] = -torch.inf
        if kind == "label_to_target":
            scores[:, :, -1, list(encoded.anchors)] = -torch.inf
        return scores.softmax(-1)

    with torch.no_grad():
        wanted = plain_run(model, ids_of(encoded, 1), masked)
        untouched = plain_run(model, ids_of(encoded, 1), lambda layer, scores, attention: attention)
    torch.testing.assert_close(logits_of(model, encoded, 1, cut), wanted, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(wanted, untouched, atol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_reweighting_is_an_explicit_product(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
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


@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama"])
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
    assert clear.float().mean() > 0.5
    torch.testing.assert_close(trained[clear], -1e-3 * beta.grad[clear].sign(), rtol=2e-2, atol=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_compression_is_the_plain_model_with_hidden_positions(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    """Dropping cache entries equals a full prompt in which the query cannot see them, positions kept."""
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    full = read_queries(model, encoded, prefix)
    found = compress(model, encoded, prefix, full, draws=1, timed=False)
    dropped = sorted(set(range(len(encoded.prefix))) - set(kept_positions(encoded)))
    assert dropped

    def hidden(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        scores = scores.clone()
        scores[:, :, len(encoded.prefix) :, dropped] = -torch.inf
        return scores.softmax(-1)

    firsts = [tokens[0] for tokens in encoded.label_tokens]
    with torch.no_grad():
        for query in (0, 3):
            wanted = plain_run(model, ids_of(encoded, query), hidden)[firsts].softmax(-1)
            np.testing.assert_allclose(found.hidden_anchor.answers.probabilities[query], wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("architecture", ["bloom", "mistral"])
def test_positions_that_restart_are_refused_where_distance_matters(
    architecture: str, tiny: Tiny, prompt: Prompt
) -> None:
    session = Session(prompt, tiny(architecture))
    with pytest.raises(AnalysisError, match="keep the positions"):
        session.compression(positions="restart", draws=1)
    assert Session(prompt, tiny("gpt2")).compression(positions="restart", draws=1).top


@pytest.mark.parametrize("kind", ["text_to_label", "label_to_target", "random_words"])
@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama"])
def test_a_sweep_gives_what_single_cuts_give(architecture: str, kind: Any, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    before = read_queries(model, encoded, prefix)
    swept = sweep(model, encoded, prefix, before, kind)
    assert len(swept.settings) == 7  # first 1 to 4 and last 1 to 3
    for setting in swept.settings:
        alone = isolate(model, encoded, prefix, before, setting.cut).answers
        np.testing.assert_allclose(setting.answers.probabilities, alone.probabilities, atol=1e-5)
        assert setting.answers.word_loyalty == alone.word_loyalty


@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama"])
def test_doing_nothing_changes_nothing(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    before = read_queries(model, encoded, prefix)
    nothing = isolate(model, encoded, prefix, before, Cut.of("text_to_label", []))
    np.testing.assert_array_equal(nothing.answers.probabilities, before.probabilities)
    last = isolate(model, encoded, prefix, before, Cut.of("text_to_label", [model.n_layers - 1]))
    np.testing.assert_array_equal(last.answers.probabilities, before.probabilities)
    assert (last.answers.label_loyalty, last.answers.word_loyalty, last.answers.flipped) == (1.0, 1.0, ())
    zero = torch.zeros(model.n_layers, model.n_heads, len(encoded.demonstrations))
    same = read_queries(model, encoded, prefix, target_edits=beta_edits(encoded, zero))
    np.testing.assert_array_equal(same.label_scores, before.label_scores)
    everything = torch.arange(len(prefix.ids))
    whole = read_queries(model, encoded, prefix, context=[cache.at(everything) for cache in prefix.key_values])
    np.testing.assert_allclose(whole.label_scores, before.label_scores, atol=1e-5)


@pytest.mark.parametrize("work", ["saliency", "isolation", "extraction", "reweighting", "compression"])
@pytest.mark.parametrize("architecture", ["gpt2", "gptj"])
def test_a_cancel_in_the_middle_restores_the_model(architecture: str, work: str, tiny: Tiny, prompt: Prompt) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny(architecture))
    session.prediction()
    ids = batch_of([[5, 6, 7, 8]], 0)
    with torch.no_grad():
        before = session.model.run(ids).logits
    calls = 0

    def cancel(what: str, done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        getattr(session, work)(progress=cancel)
    with torch.no_grad():
        assert torch.equal(session.model.run(ids).logits, before)
    assert not any("forward" in layer.__dict__ for layer in session.model.layers)
    assert all(not layer._forward_pre_hooks for layer in session.model.layers)
    getattr(session, work)()  # and it can be computed afterwards


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama"])
def test_half_precision_gives_finite_numbers(architecture: str, dtype: torch.dtype, tiny: Tiny, prompt: Prompt) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny(architecture, dtype))
    assert np.isfinite(session.prediction().probabilities).all()
    assert np.isfinite(session.flow(1).raw).all()
    assert np.isfinite(session.extraction().attention).all()
    assert np.isfinite(session.isolation().settings[0].answers.probabilities).all()
    assert np.isfinite(session.reweighting(TrainingSettings(epochs=1)).beta).all()
    assert np.isfinite(session.compression(draws=1).hidden_anchor.answers.probabilities).all()
    assert np.isfinite(session.confusion().distance).all()


def test_a_full_batch_learns_too(tiny: Tiny, prompt: Prompt) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny())
    found = session.reweighting(TrainingSettings(batch_size=0, learning_rate=0.1, epochs=5))
    assert found.loss_per_step.shape == (5, 1)
    assert found.loss[-1] < found.loss[0]


def test_early_stop_on_request(tiny: Tiny, prompt: Prompt) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(prompt, examples=examples), tiny())
    assert len(session.reweighting(TrainingSettings(learning_rate=0.0, epochs=8, patience=2)).loss) == 3


def test_examples_are_drawn_by_class_with_a_seed(prompt: Prompt) -> None:
    used = Example(prompt.queries[0].text, 0)
    prompt = replace(prompt, examples=(used, *(Example(f"example {i}", i % 3) for i in range(30))))
    drawn = draw_examples(prompt, 4, 1)
    assert [example.label for example in drawn] == [0, 1, 2] * 4
    assert used not in drawn
    assert drawn == draw_examples(prompt, 4, 1) != draw_examples(prompt, 4, 2)
    with pytest.raises(AnalysisError, match="needs 11 labelled examples of 'Person'"):
        draw_examples(prompt, 11, 1)


def test_beta_is_saved_loaded_and_applied_elsewhere(tiny: Tiny, prompt: Prompt, tmp_path: Any) -> None:
    session = Session(prompt, tiny())
    beta = np.random.default_rng(0).normal(size=session.beta_shape).astype(np.float32)
    path = tmp_path / "beta.safetensors"
    save_beta(path, beta, "tiny", prompt)
    np.testing.assert_array_equal(load_beta(path, prompt, session.beta_shape), beta)
    with pytest.raises(AnalysisError, match="this model and prompt need"):
        load_beta(path, prompt, (1, 2, 3))
    with pytest.raises(AnalysisError, match="other demonstrations"):
        load_beta(path, replace(prompt, demonstrations=prompt.demonstrations[::-1]), session.beta_shape)
    path.write_bytes(b"nothing")
    with pytest.raises(AnalysisError, match="not a saved beta"):
        load_beta(path, prompt, session.beta_shape)

    changed = session.with_beta(beta)
    assert not np.allclose(changed.prediction().probabilities, session.prediction().probabilities, atol=1e-3)
    assert not np.allclose(changed.flow(1).raw, session.flow(1).raw, rtol=1e-2)
    assert not np.allclose(changed.extraction().attention, session.extraction().attention, rtol=1e-2)
    assert changed.without_beta() is session
    with pytest.raises(AnalysisError, match="take beta off"):
        changed.compression()
    flow = changed.flow(1)
    again = flow_of_query(changed.model, changed.encoded, 1, 1, target_edits=changed._beta_edits, recompute=True)
    np.testing.assert_allclose(flow.raw, again.raw, rtol=1e-3, atol=1e-7)


def test_saliency_with_beta_is_that_of_autograd(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny("llama"))
    torch.manual_seed(1)
    beta = torch.randn(session.beta_shape)
    encoded = session.encoded
    record: dict[int, Tensor] = {}

    def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        factor = torch.ones_like(attention)
        factor[0, :, -1, list(encoded.anchors)] = beta[layer].exp()
        return attention * factor

    logits = plain_run(session.model, ids_of(encoded, 1), scaled, record)
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    torch.nn.functional.cross_entropy(logits[firsts][None], torch.tensor([1])).backward()  # type: ignore[no-untyped-call]
    found = session.with_beta(beta.numpy()).flow(1)
    for layer, attention in record.items():
        assert attention.grad is not None
        flow = (attention * attention.grad).sum(1)[0].abs().fill_diagonal_(0).detach().numpy()
        np.testing.assert_allclose(found.into_target[layer], flow[-1], rtol=1e-3, atol=1e-6)
