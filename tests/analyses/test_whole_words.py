"""Label words of several tokens, two of which begin alike, scored whole in every analysis: against one plain forward
of the whole prompt per label word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.compression.caches import cache_at
from icldiag.analyses.compression.compute import kept_positions
from icldiag.analyses.isolation.compute import isolate, sweep
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.analyses.reweighting.training import TrainingSettings, train_beta
from icldiag.analyses.saliency.compute import flow_of_query
from icldiag.errors import PromptError
from icldiag.model.readout import read_queries
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of, plain_word_scores
from tests.parity import difference

ARCHITECTURES = ["gpt2", "llama", "bloom", "mistral", "gpt_oss"]
CLOSE = 3e-5


@pytest.fixture
def whole(prompt: Prompt) -> Prompt:
    words = (Label("sea", " sea park"), Label("bridge", " sea bridges cross"), Label("Number", " Number"))
    return replace(prompt, labels=words, scoring="whole")


def plain_scores(model, encoded: EncodedPrompt, change=None) -> Tensor:  # type: ignore[no-untyped-def]  # noqa: ANN001
    changed = {} if change is None else {"change": change}
    return torch.stack(
        [
            plain_word_scores(model, ids_of(encoded, query), encoded.label_tokens, **changed)
            for query in range(len(encoded.queries))
        ]
    )


def test_first_tokens_alone_cannot_tell_them_apart(whole: Prompt, tiny: Tiny) -> None:
    with pytest.raises(PromptError, match="begin with the same token"):
        encode(replace(whole, scoring="first"), tiny().tokenizer)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_scores(architecture: str, whole: Prompt, tiny: Tiny) -> None:
    model = tiny(architecture)
    encoded = encode(whole, model.tokenizer)
    assert encoded.label_tokens[0][0] == encoded.label_tokens[1][0]
    assert len({len(ids) for ids in encoded.label_tokens}) > 1
    found = read_queries(model, encoded, model.encode_prefix(encoded.prefix))
    assert difference(found.label_scores, plain_scores(model, encoded)) < CLOSE


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("anchor", ["first", "last", "all"])
@pytest.mark.parametrize("architecture", ["gpt2", "bloom", "gpt_oss"])
def test_saliency(architecture: str, anchor: str, recompute: bool, whole: Prompt, tiny: Tiny) -> None:
    model = tiny(architecture)
    encoded = encode(replace(whole, anchor=anchor), model.tokenizer)  # type: ignore[arg-type]
    query, label = 1, 1
    ids, length = ids_of(encoded, query), len(ids_of(encoded, query))
    records: list[dict[int, Tensor]] = []
    scores = plain_word_scores(model, ids, encoded.label_tokens, records=records)
    loss = torch.nn.functional.cross_entropy(scores[None], torch.tensor([label]))
    loss.backward()  # type: ignore[no-untyped-call]
    beta = torch.randn(model.n_layers, model.n_heads, len(encoded.demonstrations))
    found = flow_of_query(model, encoded, query, label, recompute=recompute)
    assert found.loss == pytest.approx(loss.item(), rel=1e-5)
    places = [range(*d.label) for d in encoded.demonstrations]
    picked = [{"first": [p[0]], "last": [p[-1]], "all": list(p)}[anchor] for p in places]
    flat = [p for of in picked for p in of]
    for layer in range(model.n_layers):
        shared = torch.zeros(length, length)
        later = torch.zeros(length)
        for record in records:
            attention = record[layer]
            assert attention.grad is not None
            flow = (attention * attention.grad).sum(1)[0].detach()
            shared += flow[:length, :length]  # the words' prompts are one prompt
            later += flow[length:, :length].abs().sum(0)
        shared = shared.abs().fill_diagonal_(0)
        later[-1] = 0
        target = shared[-1] + later
        total = shared.sum() + later.sum()
        into, read = shared[flat].sum(), target[flat].sum()
        pairs = length * (length - 1) / 2
        rest = (total - into - read) / (pairs - sum(flat) - len(flat))
        assert difference(found.into_target[layer], target) < CLOSE
        rows = torch.stack([shared[of].mean(0) for of in picked])
        assert difference(found.into_labels[layer], rows) < CLOSE
        assert difference(found.raw[:, layer], torch.stack([into / sum(flat), read / len(flat), rest])) < CLOSE
    with_beta = flow_of_query(model, encoded, query, label, recompute=recompute, target_edits=beta_edits(encoded, beta))
    assert with_beta.loss != pytest.approx(found.loss, rel=1e-3)


@pytest.mark.parametrize("renormalise", [True, False])
@pytest.mark.parametrize("kind", ["text_to_label", "label_to_target"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_isolation(architecture: str, kind: str, renormalise: bool, whole: Prompt, tiny: Tiny) -> None:
    model = tiny(architecture)
    encoded = encode(whole, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    before = read_queries(model, encoded, prefix)
    cut = Cut.of(kind, [0, 1, 2], renormalise=renormalise)  # type: ignore[arg-type]
    labels = [(row, d.label[0]) for d in encoded.demonstrations for row in range(*d.label)]

    for query in (0, 1):
        target = len(ids_of(encoded, query)) - 1

        def masked(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
            if layer not in cut.layers:
                return attention
            changed, none = (scores.clone(), -torch.inf) if renormalise else (attention.clone(), 0.0)
            for row, start in labels:
                if kind == "text_to_label":
                    changed[:, :, row, :start] = none
                else:
                    changed[:, :, target:, row] = none  # noqa: B023 - called in this turn of the loop
            return changed.softmax(-1) if renormalise else changed

        wanted = plain_word_scores(model, ids_of(encoded, query), encoded.label_tokens, masked).softmax(-1)
        found = isolate(model, encoded, prefix, before, cut).answers.probabilities[query]
        assert np.abs(found - wanted.numpy()).max() < CLOSE
    for setting in sweep(
        model, encoded, prefix, before, cut.kind, renormalise=renormalise
    ).settings:  # restarts above the first layer
        alone = isolate(model, encoded, prefix, before, setting.cut).answers
        np.testing.assert_allclose(setting.answers.probabilities, alone.probabilities, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_reweighting(architecture: str, whole: Prompt, tiny: Tiny) -> None:
    """Scores under a beta, and the gradient of a step: Adam's first shows its sign."""
    model = tiny(architecture)
    encoded = encode(whole, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    torch.manual_seed(1)
    random = torch.randn(model.n_layers, model.n_heads, len(encoded.demonstrations))

    def plain(of: EncodedPrompt, query: int, beta: Tensor) -> Tensor:
        target = len(ids_of(of, query)) - 1

        def scaled(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
            factor = torch.ones_like(attention)
            for index, demonstration in enumerate(of.demonstrations):
                factor[0, :, target:, slice(*demonstration.label)] = beta[layer, :, index, None, None].exp()
            return attention * factor

        return plain_word_scores(model, ids_of(of, query), of.label_tokens, scaled)

    found = read_queries(model, encoded, prefix, target_edits=beta_edits(encoded, random)).label_scores
    with torch.no_grad():
        assert difference(found[1], plain(encoded, 1, random)) < CLOSE
    example = Example("Where does the film meet the canal ?", 1)
    beta = torch.zeros_like(random).requires_grad_()
    scores = plain(encode(whole.with_queries([example]), model.tokenizer), 0, beta)
    loss = torch.nn.functional.cross_entropy(scores[None], torch.tensor([1]))
    loss.backward()  # type: ignore[no-untyped-call]
    trained, losses = train_beta(model, encoded, prefix, [example], TrainingSettings(epochs=1, learning_rate=1e-3))
    assert losses[0, 0] == pytest.approx(loss.item(), rel=1e-5)
    assert beta.grad is not None
    clear = beta.grad.abs() > 1e-5
    assert clear.float().mean() > 0.3
    torch.testing.assert_close(trained[clear], -1e-3 * beta.grad[clear].sign(), rtol=2e-2, atol=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_compression(architecture: str, whole: Prompt, tiny: Tiny) -> None:
    model = tiny(architecture)
    encoded = encode(whole, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    kept = kept_positions(encoded)
    dropped = sorted(set(range(len(encoded.prefix))) - set(kept))

    def hidden(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        scores = scores.clone()
        scores[:, :, len(encoded.prefix) :, dropped] = -torch.inf
        return scores.softmax(-1)

    found = read_queries(model, encoded, prefix, context=cache_at(prefix, kept)).label_scores
    assert difference(found, plain_scores(model, encoded, hidden)) < CLOSE


@pytest.mark.parametrize("anchor", ["first", "last", "all"])
@torch.no_grad()
def test_extraction_and_confusion_read_the_anchors(anchor: str, whole: Prompt, tiny: Tiny) -> None:
    model = tiny("llama")
    session = Session(replace(whole, anchor=anchor), model)  # type: ignore[arg-type]
    encoded = session.encoded
    places = [range(*d.label) for d in encoded.demonstrations]
    picked = [{"first": [p[0]], "last": [p[-1]], "all": list(p)}[anchor] for p in places]
    record: dict[int, Tensor] = {}

    def keep(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        record[layer] = attention
        return attention

    plain_word_scores(model, ids_of(encoded, 1), [[0]], keep)
    wanted = np.zeros((model.n_layers, 3))
    for layer, attention in record.items():
        for of, demonstration in zip(picked, encoded.demonstrations, strict=True):
            wanted[layer, demonstration.label_class] += float(attention[0, :, -1, of].sum())
    np.testing.assert_allclose(session.extraction().attention[1], wanted, atol=1e-5)
    prefix = model.encode_prefix(encoded.prefix)
    keys = prefix.key_values[2].keys[0].repeat_interleave(2, 0)
    by_hand = np.stack([keys[:, of].mean(1).flatten().numpy() for of in picked])
    np.testing.assert_allclose(model.anchor_keys(prefix, encoded.all_anchors, 2), by_hand, rtol=1e-5)
    assert np.isfinite(session.confusion(2).anchor_distance).all()


def test_every_analysis_of_a_session(whole: Prompt, tiny: Tiny) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(12))
    session = Session(replace(whole, examples=examples), tiny())
    assert np.isfinite(session.saliency().raw).all()
    assert np.isfinite(session.extraction().attention).all()
    assert np.isfinite(session.confusion().cosine).all()
    assert len(session.isolation().settings) == 7
    beta = session.reweighting(TrainingSettings(epochs=2)).beta
    assert np.abs(beta).max() > 0
    assert np.isfinite(session.with_beta(beta).saliency().raw).all()
    assert session.compression(draws=1).hidden_anchor.answers.probabilities.shape == (6, 3)
