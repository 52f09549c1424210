"""Which queries are listed, and in what order."""

from __future__ import annotations

import numpy as np
import pytest

from icldiag.analyses.prediction.compute import Prediction
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.tui.query_order import SORTS, Group, cell_filter, groups, lead, next_sort, note

NAMES = ("Person", "Person name", "a -> b\x1b[31m")
GOLD = (0, 0, 1, 1, 2, None, 0)
ANSWERS = (1, 1, 1, 0, 2, 0, 0)
CHANCES = (0.6, 0.9, 0.7, 0.8, 0.5, 0.75, 0.95)


@pytest.fixture
def prompt() -> Prompt:
    queries = tuple(Example(f"text {number}", gold, f"id{number}") for number, gold in enumerate(GOLD))
    labels = tuple(Label(name, f" {name}") for name in NAMES)
    return Prompt("p", "{text}{label}", "\n", labels, (Example("one", 0),), queries)


@pytest.fixture
def prediction() -> Prediction:
    probabilities = np.zeros((len(GOLD), 3))
    for query, (answer, chance) in enumerate(zip(ANSWERS, CHANCES, strict=True)):
        probabilities[query] = (1 - chance) * np.array([[0, 0.6, 0.4], [0.6, 0, 0.4], [0.6, 0.4, 0]][answer])
        probabilities[query, answer] = chance
    return Prediction(
        labels=NAMES,
        texts=tuple(f"text {number}" for number in range(len(GOLD))),
        gold=GOLD,
        predicted=np.array(ANSWERS),
        probabilities=probabilities,
        scores=np.log(probabilities),
        top_tokens=(),
        label_mass=np.ones(len(GOLD)),
    )


def listed(prompt: Prompt, prediction: Prediction | None, sort: str = "wrong", words: str = "") -> list[int]:
    return [query for group in groups(prompt, prediction, sort, words) for query in group.queries]


def test_every_order_lists_every_query_once(prompt: Prompt, prediction: Prediction) -> None:
    orders = {sort: listed(prompt, prediction, sort) for sort in SORTS}
    assert all(sorted(order) == list(range(7)) for order in orders.values())
    assert orders["wrong"] == [1, 3, 0, 2, 4, 5, 6]
    assert orders["confidence"] == [6, 1, 3, 5, 2, 0, 4]
    assert orders["gold"] == [0, 1, 6, 2, 3, 4, 5]
    assert orders["answer"] == [3, 5, 6, 0, 1, 2, 4]
    leads = [lead(prediction, query) for query in orders["lead"]]
    assert leads == sorted(leads)
    assert listed(prompt, None) == list(range(7))


def test_a_query_is_found_by_its_number(prompt: Prompt, prediction: Prediction) -> None:
    assert listed(prompt, prediction, words="#3") == [2]
    assert listed(prompt, prediction, words="#3 person") == [2]
    assert listed(prompt, prediction, words="#3 no") == listed(prompt, prediction, words="#33") == []


def test_the_lead_is_over_the_gold_label_or_the_runner_up(prediction: Prediction) -> None:
    assert lead(prediction, 0) == pytest.approx(np.log(0.6 / 0.24))
    assert lead(prediction, 4) == pytest.approx(np.log(0.5 / 0.3))
    assert note(prediction, 0, "lead") == "0.9 nats"
    assert note(prediction, 0, "confidence") == "0.60"
    assert note(prediction, 0, "gold") == ""


def test_errors_stand_under_their_count_the_commonest_first(prompt: Prompt, prediction: Prediction) -> None:
    assert groups(prompt, prediction, "error", "") == [
        Group("2 x Person -> Person name", [0, 1]),
        Group("1 x Person name -> Person", [3]),
        Group("3 right", [2, 4, 6]),
        Group("1 without a gold label", [5]),
    ]
    assert groups(prompt, prediction, "error", "id3") == [Group("1 x Person name -> Person", [3])]


@pytest.mark.parametrize("gold", range(3))
@pytest.mark.parametrize("answer", range(3))
def test_a_cells_filter_lists_that_cell_and_no_other(
    gold: int, answer: int, prompt: Prompt, prediction: Prediction
) -> None:
    words = cell_filter(NAMES, gold, answer)
    assert words.isprintable()
    cell = [query for query in range(7) if GOLD[query] == gold and ANSWERS[query] == answer]
    assert sorted(listed(prompt, prediction, "wrong", words)) == cell


def test_half_a_cell_can_be_typed(prompt: Prompt, prediction: Prediction) -> None:
    assert sorted(listed(prompt, prediction, "wrong", "-> person")) == [3, 5, 6]
    assert sorted(listed(prompt, prediction, "wrong", "pers ->")) == [0, 1, 2, 3, 6]
    assert sorted(listed(prompt, prediction, "wrong", "person name")) == [0, 1, 2, 3]


def test_sorts_go_round() -> None:
    names = [sort := "wrong"]
    for _ in SORTS:
        names.append(sort := next_sort(sort))
    assert names == [*SORTS, "wrong"]
