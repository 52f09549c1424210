"""Heads as people write them."""

from __future__ import annotations

import pytest

from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.errors import AnalysisError
from icldiag.report.settings import ReportSettings, heads_from, heads_text


@pytest.mark.parametrize("text", ["anchor", "17.3", "17.3,18.1", "0.0"])
def test_what_is_written_is_what_is_meant(text: str) -> None:
    assert heads_text(heads_from(text)) == text


def test_none_are_all() -> None:
    assert heads_from(None) == ()


@pytest.mark.parametrize("text", ["", "17", "17.", ".3", "17.3,", "a.b", "1.2.3", "-1.2", "anchors", "17,3"])
def test_anything_else_is_told_how(text: str) -> None:
    with pytest.raises(AnalysisError, match=r"--weighted-heads .*: write layer\.head as in 17\.3,18\.1, or anchor"):
        heads_from(text)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        (ReportSettings(layer=4), "layer 4"),
        (ReportSettings(layer=-1), "layer -1"),
        (ReportSettings(token_layers=(0, 7)), "layer 7"),
        (ReportSettings(isolate=((0,), (1, 99))), "layer 99"),
        (ReportSettings(training=TrainingSettings(heads=((3, 2),))), "head 2"),
        (ReportSettings(training=TrainingSettings(heads=((5, 0),))), "layer 5"),
    ],
)
def test_what_the_model_has_not_is_told_before_anything_is_computed(settings: ReportSettings, what: str) -> None:
    with pytest.raises(AnalysisError, match=f"there is no {what}; the model has"):
        settings.check(layers=4, heads=2)


def test_what_it_has_passes() -> None:
    weighted = TrainingSettings(heads=((3, 1),))
    ReportSettings(layer=3, token_layers=(0, 3), isolate=((0, 1),), training=weighted).check(layers=4, heads=2)
    ReportSettings(training=TrainingSettings(heads="anchor")).check(layers=4, heads=2)
