"""Anchor similarity and measured separation: goldens, scikit-free identities, and what must stay undefined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.confusion.compute import confuse
from icldiag.analyses.confusion.distances import principal_projection, scaled_distances
from icldiag.analyses.confusion.layer import DefaultLayer, paper_layer
from icldiag.analyses.confusion.reading import reading_of_query as reading
from icldiag.analyses.confusion.separation import pairwise_auc
from icldiag.analyses.roc import roc_auc
from icldiag.errors import AnalysisError
from icldiag.model.anchors import LayerVectors
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.goldens import ONE_SHOT, golden, golden_session


def _golden_vectors(setting: str, queries: str) -> np.ndarray:
    return np.array(golden(setting)["error_diagnosis"][queries]["queries"])


@pytest.mark.parametrize("setting", ONE_SHOT)
def test_the_released_distances_are_reproduced(setting: str) -> None:
    """From our own keys and query vectors, without forerunners as in the notebook."""
    session, wanted = golden_session(setting), golden(setting)["error_diagnosis"]
    layer, encoded, prediction = wanted["layer"], session.encoded, session.prediction()
    prefix, readout = session.prefix(lambda *_: None), session.readout(lambda *_: None)
    keys = session.model.anchor_keys(prefix, encoded.all_anchors, layer)
    by_class = np.stack(
        [keys[[d.label_class for d in encoded.demonstrations].index(c)] for c in range(len(prediction.labels))]
    )
    np.testing.assert_allclose(by_class, wanted["label_keys_query0"], atol=1e-4)
    assert readout.target is not None
    targets = readout.target.queries[layer]
    np.testing.assert_allclose(targets, wanted["queries12"]["queries"], atol=1e-4)
    none = np.zeros((0, targets.shape[1]))
    found = confuse(encoded, prediction, layer, LayerVectors(keys, targets, none, False), DefaultLayer(layer, None))
    np.testing.assert_allclose(found.distance, wanted["queries12"]["distance_normalised"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.auc, wanted["auc_confusion_12"], rtol=1e-12)
    assert found.target_vectors == 12
    assert found.forerunner_vectors == 0


@pytest.mark.parametrize("setting", ONE_SHOT)
def test_the_projection_over_four_orders_is_reproduced(setting: str) -> None:
    wanted = golden(setting)["error_diagnosis"]
    projection = principal_projection(_golden_vectors(setting, "queries48"))
    projected = np.array(wanted["label_keys_query0"]) @ projection
    raw = np.linalg.norm(projected[:, None] - projected[None], axis=-1)
    np.testing.assert_allclose(raw, wanted["queries48"]["distance_raw"], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(
        scaled_distances(projected), wanted["queries48"]["distance_normalised"], rtol=1e-4, atol=1e-5
    )


def test_the_session_adds_forerunners(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny("llama"))
    found = session.confusion()
    assert found.layer == paper_layer(4) == 3
    assert (found.target_vectors, found.forerunner_vectors) == (6, 4)
    assert found.anchor_distance.shape == (4, 4)
    assert found.distance.shape == found.auc.shape == found.cosine.shape == (3, 3)
    # grouped queries: keys are repeated for the heads that read them, so widths agree
    assert session.model.anchor_keys(session.prefix(lambda *_: None), session.encoded.all_anchors, 3).shape == (4, 32)


def test_several_shots_are_averaged(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    found = session.confusion(2, keys="as_attended")
    keys = session.model.anchor_keys(session.prefix(lambda *_: None), session.encoded.all_anchors, 2)
    person = (keys[0] + keys[3]) / 2
    wanted = person @ keys[1] / np.linalg.norm(person) / np.linalg.norm(keys[1])
    assert found.cosine[0, 1] == pytest.approx(wanted)


def test_an_unknown_layer_is_refused(prompt: Prompt, tiny: Tiny) -> None:
    with pytest.raises(AnalysisError, match="layers 0 to 3"):
        Session(prompt, tiny()).confusion(4)


@pytest.mark.parametrize(
    ("positive", "negative", "wanted"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2, 3], 0.375), ([1, 1], [1], 0.5)],
)
def test_roc_auc_counts_ordered_pairs(positive: list[float], negative: list[float], wanted: float) -> None:
    assert roc_auc(positive, negative) == wanted


def test_roc_auc_of_nothing_is_undefined() -> None:
    assert np.isnan(roc_auc([], [1.0]))


def test_without_gold_the_measured_side_is_missing(prompt: Prompt, tiny: Tiny) -> None:
    blind = prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    session = Session(blind, tiny())
    found = session.confusion()
    assert all(pair.auc is None for pair in found.pairs)
    assert found.spearman is None
    assert any("no query has a gold label" in text for text in found.missing)
    assert "unknown" in reading(found, session.prediction(), 0)


def test_a_class_without_demonstration_has_no_distance(prompt: Prompt, tiny: Tiny) -> None:
    kept = tuple(d for d in prompt.demonstrations if d.label != 2)
    found = Session(replace(prompt, demonstrations=kept), tiny()).confusion()
    assert np.isnan(found.distance[2]).all()
    assert not np.isnan(found.distance[0, 1])
    assert any("no demonstration shows" in text for text in found.missing)
    assert found.distances == 0  # the only distance is 1 by its scaling, which says nothing
    assert [pair.cosine is None for pair in found.pairs].count(False) == 1


def test_one_query_vector_gives_no_directions() -> None:
    assert principal_projection(np.ones((1, 8))).shape == (8, 0)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_directions_and_distances_are_those_at_any_scale(scale: float) -> None:
    points = np.outer([1.0, 2.0, 4.0, 7.0], [3.0, 1.0, 2.0])  # on a line: one direction, and rounding
    directions = principal_projection(scale * (points + 0.1))
    assert directions.shape == (3, 1)
    distances = scaled_distances(points @ directions)
    assert distances[0] == pytest.approx([1.0, 1 / 6, 0.5, 1.0])


def test_equal_points_have_no_scaled_distance() -> None:
    assert np.isnan(scaled_distances(np.ones((3, 2)))).all()


def test_a_query_without_gold_label_is_in_no_auc() -> None:
    prediction = golden_session("trec-1shot").prediction()
    for label in range(2):  # of a class that would be mixed up with it, were it counted there
        unknown = tuple(None if gold == label else gold for gold in prediction.gold)
        auc = pairwise_auc(replace(prediction, gold=unknown))
        assert np.isnan(np.delete(auc[label], label)).all()
        kept = [place for place in range(len(auc)) if place != label]
        np.testing.assert_array_equal(auc[np.ix_(kept, kept)], pairwise_auc(prediction)[np.ix_(kept, kept)])


def test_auc_ignores_the_label_prior() -> None:
    """Multiplying one label's probability by a constant changes every prediction and no AUC."""
    prediction = golden_session("trec-1shot").prediction()
    skewed = prediction.probabilities * np.array([1, 50, 1, 1, 1, 1])
    skewed /= skewed.sum(1, keepdims=True)
    np.testing.assert_array_equal(pairwise_auc(replace(prediction, probabilities=skewed)), pairwise_auc(prediction))


@pytest.mark.parametrize(("layers", "wanted"), [(48, 32), (12, 8), (8, 6), (1, 0), (2, 1)])
def test_the_papers_layer(layers: int, wanted: int) -> None:
    assert paper_layer(layers) == wanted


def test_the_reading_names_winner_rival_and_rank() -> None:
    session = golden_session("trec-1shot")
    prediction, confusion = session.prediction(), session.confusion()
    query = prediction.wrong[0]
    text = reading(confusion, prediction, query)
    winner, gold = int(prediction.predicted[query]), prediction.gold[query]
    assert gold is not None
    assert text.startswith(f"{prediction.labels[winner]} beat {prediction.labels[gold]} (")
    assert f"of {confusion.distances} pairs" in text
