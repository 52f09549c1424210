"""The benchmark of planted causes, on a few cases: cases are what they say, and most causes are found."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.planted import is_confirmed, is_first, record, table, wilson
from benchmarks.planted_cases import LONGEST, Case, draw_cases, sources
from benchmarks.plants import Kind, Plant
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.label_wording import form
from icldiag.prompt.schema import Prompt
from icldiag.session import Session

FEW: tuple[Kind, ...] = ("demonstration", "order", "majority", "scoring")  # recency is rare, and long to find
SEED = 5


@pytest.fixture(scope="module")
def model() -> InstrumentedModel:
    return load_model(ModelSettings(device="cpu"))


@pytest.fixture(scope="module")
def cases(model: InstrumentedModel) -> list[Case]:
    return [next(draw_cases(kind, 1, SEED, model)) for kind in FEW]


def test_only_the_planted_prompt_fails(cases: list[Case], model: InstrumentedModel) -> None:
    for case in cases:
        healthy, planted = (
            Session(prompt.with_queries(prompt.queries[:1]), model).prediction()
            for prompt in (case.healthy, case.planted)
        )
        assert case.healthy.queries[0] == case.planted.queries[0]
        assert not healthy.is_wrong(0)
        assert planted.is_wrong(0)


def test_most_planted_causes_are_named_first(cases: list[Case], model: InstrumentedModel) -> None:
    found = [record(case, Session(case.planted, model).explanation(0).causes, SEED) for case in cases]
    assert sum(map(is_first, found)) >= len(cases) - 1, found


def test_cases_are_the_same_again(cases: list[Case], model: InstrumentedModel) -> None:
    assert next(draw_cases("demonstration", 1, SEED, model)) == cases[0]


@pytest.fixture
def healthy() -> tuple[Prompt, Plant]:
    source = sources(LONGEST)["questions"]
    shown = tuple(source.shape.demonstrations)
    assert {example.label for example in shown} >= {0, 1}
    return source.shape, Plant(0, 1, source, random.Random(0))


def test_one_thing_is_done_to_a_prompt(healthy: tuple[Prompt, Plant]) -> None:
    prompt, plant = healthy
    old = prompt.demonstrations
    wrong = plant.planted("demonstration", prompt).demonstrations
    changed = [place for place, pair in enumerate(zip(old, wrong, strict=True)) if pair[0] != pair[1]]
    assert [(old[place].label, wrong[place].label) for place in changed] == [(0, 1)]
    last = plant.planted("recency", prompt).demonstrations
    assert sorted(last, key=str) == sorted(old, key=str)
    own = sum(example.label == 1 for example in old)
    assert all(example.label == 1 for example in last[-own:])
    for kind, more in (("prior", 8), ("majority", 2 * own)):
        new = plant.planted(kind, prompt).demonstrations  # type: ignore[arg-type]
        added = [example for example in new if example not in old]
        assert [example.label for example in added] == [1] * more
        assert [example for example in new if example in old] == list(old)
    word = plant.planted("word", prompt)
    assert word.demonstrations == old
    assert form(word.labels[0].word) != form(prompt.labels[0].word)
    assert word.labels[1:] == prompt.labels[1:]
    assert plant.planted("scoring", prompt).labels[0].word.startswith(prompt.labels[1].word + " ")
    assert plant.planted("template", prompt).query_pieces != prompt.query_pieces


def test_the_table_counts_what_was_named() -> None:
    order: dict[str, Any] = {"kind": "order", "causes": ["order"], "culprit": None}
    two: dict[str, Any] = {"kind": "two", "causes": ["demonstration", "word"], "culprit": 3}
    found = [
        {**order, "named": [["recency", None, True]]},
        {**order, "named": [["prior", None, True], ["order", None, True]]},
        {**two, "named": [["word", None, True], ["demonstration", 3, False], ["order", None, True]]},
        {**two, "named": [["word", None, True], ["demonstration", 2, True]]},
    ]
    assert [is_first(one) for one in found] == [True, False, True, False]
    assert [is_confirmed(one) for one in found] == [True, True, True, False]
    rows = table(found).splitlines()[2:]
    assert rows[0] == "| order | 2 | 50% | 9% to 91% | 100% | prior 1 |"
    assert rows[1].startswith("| two | 2 | 50% |")


def test_the_interval_is_wilson_s() -> None:
    low, high = wilson(10, 20)
    assert (low, high) == pytest.approx((0.299, 0.701), abs=1e-3)
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 20)[0] == 0.0
