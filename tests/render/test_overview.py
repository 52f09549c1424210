"""The pictures of panel Overview, as strings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from icldiag.analyses.overview.lean import Lean, Prior
from icldiag.render.look import DARK, PLAIN
from icldiag.render.overview import answer_table, label_bars, lean_bars, strip
from tests.analyses.overview.made import made_stability, overview_of

ASCII = PLAIN.in_ascii()


def test_gold_by_answers() -> None:
    found = overview_of(np.eye(3)[[0, 0, 1, 1, 1, 2]], [0, 0, 1, 1, 0, 2])
    head, *rows = answer_table(found, ASCII, 80).plain.split("\n")
    assert head == "gold       Negative Positive  Neutral  <- answered"
    assert rows[:2] == ["Negative          2        1        0", "Positive          0        2        0"]
    head, *rows = answer_table(found, ASCII, 42).plain.split("\n")  # no room for the names in full
    assert head == "gold       Negat Posit Neutr  <- answered"
    assert rows == ["Negative       2     1     0", "Positive       0     2     0", "Neutral        0     0     1"]


def test_many_labels_show_the_commonest_errors() -> None:
    gold = [label for label in range(30) for _ in range(2)]
    answers = [(label + 1) % 30 if label < 12 else label for label in gold]
    found = overview_of(np.eye(30)[answers], gold)
    lines = answer_table(found, ASCII, 80).plain.split("\n")
    assert lines[0] == "   2 x label0 -> label1"
    assert lines[-1] == "   8 other errors"
    bars = label_bars(found, ASCII, 80).plain
    assert bars.endswith("and 22 more labels")


def test_label_bars() -> None:
    found = overview_of(np.eye(2)[[1] * 6], [1, 0, 1, 0, 1, 0])
    head, negative, positive = label_bars(found, ASCII, 60).plain.split("\n")
    assert head.split() == ["answered", "right", "gold"]
    assert negative.split() == ["Negative", "0", "0", "3"]
    assert positive.split() == ["Positive", "#" * 24, "6", "3", "3"]
    unknown = label_bars(overview_of(np.eye(2)[[1] * 6], [None] * 6), ASCII, 60).plain
    assert "right" not in unknown


def test_lean_bars() -> None:
    found = overview_of(np.eye(2)[[1] * 6], [None] * 6)
    lean = Lean((Prior("contextual", 3, np.array([0.1, 0.9])), Prior("batch", 6, np.array([0.4, 0.6]))), (), 0)
    _, contextual, batch = lean_bars(found, lean, ASCII, 80).plain.split("\n")
    assert contextual == f"contextual      {'#' * 20}  2.2  towards Positive"
    assert batch.split() == ["batch", "####", "0.4", "towards", "Positive"]
    (_, tie) = lean_bars(found, Lean((Prior("batch", 6, np.full(2, 0.5)),), (), 0), ASCII, 80).plain.split("\n")
    assert tie.split() == ["batch", "0.0", "towards", "none"]


def test_the_strip_says_who_is_harmed() -> None:
    stability = made_stability(answers_last=False)
    found = replace(overview_of(stability.scores, stability.gold), shown=(0, 0, 1, 1))
    head, first, _, third, _ = strip(found, stability, 4, ASCII, 80).plain.split("\n")
    assert head.index("v") == third.index("-") + 4  # the fifth query
    assert third.split() == ["3", "Positive", "-" * 12, "-0.90", "<-", "stands", "out"]
    assert first.split() == ["1", "Negative", "." * 12, "-0.01"]
    narrow = strip(found, stability, 11, DARK, 46).plain.split("\n")
    assert all(len(line) <= 46 for line in narrow)
    assert "v" in narrow[0]
