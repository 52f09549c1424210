"""What is given by label: as many labels as there is room for."""

from __future__ import annotations

import numpy as np

from icldiag.render.by_label import given_by_label
from icldiag.render.look import DARK

MATRIX = np.array([[1.0, 3.0, -0.5], [0.0, 0.0, 0.1]])


def test_a_column_is_the_mean_over_the_queries_of_a_label() -> None:
    text = given_by_label(["1 Person", "2 Where"], MATRIX, np.array([0, 0, 2]), ["Person", "Number", "Where"], DARK, 60)
    assert [line.split() for line in text.plain.splitlines()] == [
        ["Person", "Where"],  # no query is a Number
        ["queries", "2", "1"],
        ["1", "Person", "+2.00", "-0.50"],
        ["2", "Where", "+0.00", "+0.10"],
    ]


def test_of_many_labels_those_of_most_queries_fit() -> None:
    labels = [f"label {number}" for number in range(30)]
    classes = np.array([*range(30), 7, 9])
    text = given_by_label(["1 label 7"], np.zeros((1, 32)), classes, labels, DARK, 30)
    lines = text.plain.splitlines()
    assert max(map(len, lines)) <= 30
    assert lines[0].split() == ["label", "7", "label", "9"]


def test_a_label_is_text_and_no_line_break() -> None:
    text = given_by_label(["[b]\n"], MATRIX[:1], np.array([0, 0, 1]), ["[red]", "ü\n"], DARK.in_ascii(), 40)
    assert len(text.plain.splitlines()) == 3
    assert "[red]" in text.plain
