"""The paper's five diagnoses against numbers of its released code, one shot and two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses.compression.caches import cache_at
from icldiag.analyses.compression.compute import compress, draw_positions, kept_positions, random_candidates
from icldiag.analyses.extraction.compute import aucroc_of_layers, score_extraction
from icldiag.analyses.isolation.compute import isolate, sweep
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.isolation.edits import prefix_edits
from icldiag.analyses.loyalty import Answers, compare
from icldiag.analyses.reweighting.compute import reweight
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.analyses.saliency.compute import saliency
from icldiag.model.readout import FloatArray, read_queries
from tests.goldens import ONE_SHOT, SETTINGS, golden, golden_session, numbers, written_prompts


def silent(*_: object) -> None:
    pass


def parts(setting: str, order: int = 0) -> tuple[Any, Any, Any, Any]:
    session = golden_session(setting, order)
    return session.model, session.encoded, session.prefix(silent), session.readout(silent)


def assert_answers(found: Answers, wanted: dict[str, Any], *, accuracy: bool = False) -> None:
    np.testing.assert_allclose(found.probabilities, wanted["label_probs"], rtol=0, atol=5e-6)
    assert found.predicted.tolist() == wanted["pred"]
    assert found.label_loyalty == wanted["label_loyalty"]
    assert found.word_loyalty == pytest.approx(wanted["word_loyalty_k5"], rel=1e-12)
    if accuracy:
        assert found.accuracy == wanted["accuracy"]


@pytest.mark.parametrize("setting", SETTINGS)
def test_saliency(setting: str) -> None:
    model, encoded, _, readout = parts(setting)
    found, wanted = saliency(model, encoded, readout.probabilities.argmax(1)), golden(setting)["saliency"]
    assert found.loss_target == "gold"
    np.testing.assert_allclose([flow.loss for flow in found.queries], wanted["loss"], rtol=1e-5)
    np.testing.assert_allclose([flow.raw for flow in found.queries], wanted["raw"], rtol=0, atol=8e-7)
    np.testing.assert_allclose(
        [flow.shares for flow in found.queries], wanted["per_query_normalised"], rtol=0, atol=2e-5
    )
    np.testing.assert_allclose(found.raw, wanted["mean_raw"], rtol=0, atol=8e-7)
    np.testing.assert_allclose(found.shares, wanted["mean_normalised"], rtol=0, atol=3e-6)
    assert all(flow.raw[0, -1] == 0 for flow in found.queries)  # label words of the last layer feed nothing


@pytest.mark.parametrize("side", ["first-1", "first-2", "last-1", "last-2"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_isolation(setting: str, side: str) -> None:
    model, encoded, prefix, readout = parts(setting)
    wanted = golden(setting)["isolation"][side]
    count = int(side[-1])
    layers = range(count) if side.startswith("first") else range(model.n_layers - count, model.n_layers)
    cut = Cut.of("text_to_label", layers)
    assert_answers(isolate(model, encoded, prefix, readout, cut).answers, wanted)
    ten = isolate(model, encoded, prefix, readout, cut, top=10).answers
    assert ten.word_loyalty == pytest.approx(wanted["word_loyalty_k10"], rel=1e-12)
    swept = sweep(model, encoded, prefix, readout).setting(layers)
    assert_answers(swept.answers, wanted)
    cut_prefix = model.encode_prefix(prefix.ids, edits=prefix_edits(encoded, cut))
    target = read_queries(model, encoded, cut_prefix, with_target=True).target
    assert target is not None
    np.testing.assert_allclose(class_major(target.attention), wanted["sims_flat"], rtol=0, atol=7e-6)


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("setting", SETTINGS)
def test_extraction(setting: str, order: int) -> None:
    session = golden_session(setting, order)
    found = session.extraction()
    wanted = np.array(golden(setting)["deep"]["orders"][order]["sims_flat"])
    np.testing.assert_allclose(class_major(found.attention), wanted, rtol=0, atol=7e-6)
    task, shot = setting.split("-")
    scores = numbers()["deep_analysis"][f"{shot}_class_major"]["per_order"][task][order]
    np.testing.assert_allclose(np.array(found.aucroc, float), scores, rtol=1e-12)
    assert found.denominator is not None
    excess = np.cumsum(np.array(scores) - 0.5)
    np.testing.assert_allclose(np.array(found.cumulative, float) * found.denominator, excess, atol=1e-12)


def class_major(attention: FloatArray) -> FloatArray:
    """(n, L, C) -> (n, C * L), as the released code lays it out."""
    return attention.transpose(0, 2, 1).reshape(len(attention), -1)


@pytest.mark.parametrize("setting", SETTINGS)
def test_extraction_over_all_orders(setting: str) -> None:
    """AUCROC over the 48 answers of four orders together."""
    found = [golden_session(setting, order).extraction() for order in range(4)]
    attention = np.concatenate([one.attention for one in found])
    predicted = np.concatenate([golden_session(setting, order).prediction().predicted for order in range(4)])
    task, shot = setting.split("-")
    wanted = numbers()["deep_analysis"][f"{shot}_class_major"]["pooled48"][task]
    np.testing.assert_allclose(np.array(aucroc_of_layers(attention, predicted), float), wanted, rtol=1e-12)


@pytest.mark.parametrize("setting", ONE_SHOT)
def test_released_axes_are_scrambled(setting: str) -> None:
    """Reading the same numbers layer-major gives the released figure: the difference is the axes and nothing else."""
    session = golden_session(setting)
    found = session.extraction()
    flat = class_major(found.attention)
    by_layer = flat.reshape(len(flat), len(found.aucroc), len(found.labels))
    scrambled = score_extraction(session.prediction(), by_layer, found.destinations)
    wanted = numbers()["deep_analysis"]["1shot_as_released"]["per_order"][setting.split("-")[0]][0]
    np.testing.assert_allclose(np.array(scrambled.aucroc, float), wanted, rtol=1e-9)


@pytest.mark.parametrize("setting", ONE_SHOT)
def test_reweighting(setting: str) -> None:
    wanted = golden(setting)["reweighting"]
    model, encoded, prefix, readout = parts(setting)
    settings = TrainingSettings(learning_rate=wanted["lr"], epochs=wanted["epochs"])
    found = reweight(model, encoded, prefix, readout, settings, examples=encoded.prompt.examples)
    assert found.examples == wanted["n_train"]
    np.testing.assert_allclose(found.loss_per_step, wanted["loss_per_step"], rtol=1e-3)
    np.testing.assert_allclose(found.loss, wanted["loss_mean_per_epoch"], rtol=1e-3)
    shown = [demonstration.label_class for demonstration in encoded.demonstrations]
    by_class = found.beta[:, :, [shown.index(label) for label in range(len(shown))]]
    np.testing.assert_allclose(by_class, wanted["weights"], rtol=1e-3, atol=3e-5)
    np.testing.assert_allclose(found.after.probabilities, wanted["after"]["label_probs"], rtol=1e-3, atol=5e-6)
    assert found.after.predicted.tolist() == wanted["after"]["pred"]
    assert found.after.accuracy == wanted["after"]["accuracy"]


def test_two_shot_reweighting_where_the_released_code_fails() -> None:
    """beta per demonstration, learnt: the loss falls, and zero beta is the unmodified model."""
    model, encoded, prefix, readout = parts("trec-2shot")
    settings = TrainingSettings(epochs=3, learning_rate=0.1)
    found = reweight(model, encoded, prefix, readout, settings, examples=encoded.prompt.examples)
    assert found.beta.shape == (model.n_layers, model.n_heads, 12)
    assert found.loss[-1] < found.loss[0]
    zero = beta_edits(encoded, torch.zeros(found.beta.shape))
    after = read_queries(model, encoded, prefix, target_edits=zero)
    np.testing.assert_allclose(after.probabilities, readout.probabilities, atol=1e-6)


@pytest.mark.parametrize("kind", ["offset_fixed", "paper"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_compression(setting: str, kind: str) -> None:
    model, encoded, prefix, readout = parts(setting)
    wanted = golden(setting)["compression"][kind]
    assert list(kept_positions(encoded)) == wanted["kept_positions"]
    assert random_candidates(encoded) == wanted["random_candidates"]
    texts = written_prompts()["settings"][setting]["text_anchor_order0"]["input_ids"]
    kept_ids = [encoded.prefix[position] for position in kept_positions(encoded)]
    assert [*kept_ids, *encoded.queries[0].ids] == texts[0]
    restart = kind == "paper"
    found = compress(model, encoded, prefix, readout, positions="restart" if restart else "kept", draws=1, timed=False)
    assert_answers(found.hidden_anchor.answers, wanted["hidden_anchor"], accuracy=True)
    assert_answers(found.text_anchor.answers, wanted["text_anchor"], accuracy=True)
    drawn = read_queries(
        model,
        encoded,
        prefix,
        context=cache_at(prefix, wanted["random_kept_positions"]),
        start=0 if restart else len(encoded.prefix),
    )
    gold = tuple(query.label for query in encoded.prompt.queries)
    assert_answers(compare(readout, drawn, gold), wanted["hidden_random"], accuracy=True)
    assert found.cache_bytes[1] * len(encoded.prefix) == found.cache_bytes[0] * len(kept_ids)


def test_random_draws_replace_each_label_word() -> None:
    import random

    _, encoded, _, _ = parts("trec-1shot")
    drawn = draw_positions(encoded, random.Random(1))
    kept = set(kept_positions(encoded))
    assert not set(encoded.anchors) & set(drawn)
    new = sorted(set(drawn) - kept)
    assert len(new) == 6
    assert all(place in candidates for place, candidates in zip(new, random_candidates(encoded), strict=True))
