"""The benchmark of planted causes, on a few cases: cases are what they say, and most causes are found."""

from __future__ import annotations

import pytest

from benchmarks.planted import named, table
from benchmarks.planted_cases import Case, Kind, draw_cases
from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.session import Session

FEW: dict[Kind, int] = {"classes": 2, "demonstration": 2, "prior": 1, "order": 1}
SEED = 5


@pytest.fixture(scope="module")
def model() -> InstrumentedModel:
    return load_model(ModelSettings(device="cpu"))


@pytest.fixture(scope="module")
def cases(model: InstrumentedModel) -> list[Case]:
    return [case for kind, count in FEW.items() for case in draw_cases(kind, count, SEED, model)]


def test_only_the_planted_prompt_fails(cases: list[Case], model: InstrumentedModel) -> None:
    for case in cases:
        assert case.healthy.queries[0] == case.planted.queries[0]
        healthy, planted = (
            Session(prompt.with_queries(prompt.queries[:1]), model).prediction()
            for prompt in (case.healthy, case.planted)
        )
        assert not healthy.is_wrong(0)
        assert planted.is_wrong(0)


def test_one_thing_was_done_to_it(cases: list[Case]) -> None:
    for case in cases:
        old, new = case.healthy.demonstrations, case.planted.demonstrations
        if case.kind == "order":
            assert old != new
            assert sorted(old, key=str) == sorted(new, key=str)
        elif case.kind == "demonstration":
            assert [place for place, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]] == [
                case.culprit
            ]
        elif case.kind == "prior":
            added = [example for example in new if example not in old]
            assert len({example.label for example in added}) == 1
            assert [example for example in new if example in old] == list(old)
        else:
            assert len({example.label for example in old if example not in new}) == 1


def test_most_planted_causes_are_named_first(cases: list[Case], model: InstrumentedModel) -> None:
    found = [named(case, Session(case.planted, model).explanation(0)) for case in cases]
    right = sum(name == case.kind for name, case in zip(found, cases, strict=True))
    assert right >= len(cases) - 2, found


def test_cases_are_the_same_again(cases: list[Case], model: InstrumentedModel) -> None:
    again = next(draw_cases("demonstration", 1, SEED, model))
    assert again == next(case for case in cases if case.kind == "demonstration")


def test_the_table_counts_what_was_named() -> None:
    from collections import Counter

    text = table([("order", Counter({"order": 3, "prior": 1}), Counter({"order": 4, "prior": 2}))])
    assert text.splitlines()[-1] == "| order |  |  | 3 | 1 |  |  |  | 75% | 100% |"
