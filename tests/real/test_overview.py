"""The first line on a pretrained model, where it is plain to see what is wrong with the prompt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.overview import headline
from icldiag.analyses.overview.compute import first_lines
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.samples import sample_path
from icldiag.session import Session

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def reviews() -> Prompt:
    """The sample on film reviews, with its examples by class: Positive, Negative."""
    return read_prompt(sample_path("sentiment"))


def of(reviews: Prompt, label: int) -> list[Example]:
    return [example for example in reviews.examples if example.label == label]


def first_line(prompt: Prompt, model: InstrumentedModel) -> str:
    session = Session(prompt, model)
    return headline(first_lines(session, session.prediction()))


def test_four_negatives_then_four_positives(reviews: Prompt, smollm2: InstrumentedModel) -> None:
    shown = (*of(reviews, 1)[:4], *of(reviews, 0)[:4])
    queries = (*reviews.queries[:8], *reviews.queries[12:20])
    said = first_line(replace(reviews, demonstrations=shown, queries=queries), smollm2)
    assert said.startswith("All 16 answers are Positive: 8 of 16 are right (0.50). AUC ")


def test_six_positives_then_one_negative(reviews: Prompt, smollm2: InstrumentedModel) -> None:
    shown = (*of(reviews, 0)[:6], of(reviews, 1)[0])
    queries = (*reviews.queries[:2], *reviews.queries[12:14])
    words = (Label("positive", " positive"), Label("negative", " negative"))
    said = first_line(replace(reviews, labels=words, demonstrations=shown, queries=queries), smollm2)
    assert said.startswith("All 4 answers are negative: 2 of 4 are right (0.50). AUC ")
    assert said.endswith("these are too few queries to say whether the scores tell the labels apart.")
