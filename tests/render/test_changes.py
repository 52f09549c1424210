"""Before and after, and what changed, as strings."""

from __future__ import annotations

from icldiag.render.changes import Change, before_after, changed_answers, outcome
from icldiag.render.look import DARK

ASCII = DARK.in_ascii()
LABELS = ["Person", "Number", "Place"]


def test_probabilities_before_and_now() -> None:
    lines = before_after(LABELS, [0.7, 0.2, 0.1], [0.1, 0.2, 0.7], 1, ASCII, 60).plain.split("\n")
    assert lines[0].split() == ["before", "now"]
    assert [line[:9] for line in lines[1:]] == ["   Person", " * Number", ">  Place "]
    assert [line.count("#") for line in lines[1:]] == [12 + 2, 4 + 4, 2 + 12]
    assert lines[3].split()[-1] == "0.70"


def test_the_old_the_new_and_the_gold_label_are_always_shown() -> None:
    names = [f"label{number}" for number in range(150)]
    before, after = [0.0] * 150, [0.0] * 150
    before[3], after[140] = 1.0, 1.0
    text = before_after(names, before, after, 77, ASCII, 60, height=6).plain
    assert len(text.split("\n")) == 7
    assert all(f"label{number} " in text for number in (3, 140, 77))


def test_changed_answers_keep_their_place() -> None:
    changes = [
        Change("a text that is much too long for its place", "Person", "Number", "+"),
        Change("b", "Number", "Person", "x"),
        Change("c [/red]", "Number", "Person"),
    ]
    assert changed_answers(changes, ASCII, 44).plain.split("\n") == [
        "+ a text that is much t...  Person -> Number",
        "x b                         Number -> Person",
        "  c [/red]                  Number -> Person",
    ]
    assert changed_answers(changes, ASCII, 44, height=2).plain.endswith("\n  and 2 more")
    assert changed_answers([], ASCII, 44).plain == ""


def test_the_outcome_in_words() -> None:
    assert outcome(LABELS, [0.7, 0.2, 0.1], [0.6, 0.3, 0.1]) == "stays Person (0.70 -> 0.60)"
    assert outcome(LABELS, [0.7, 0.2, 0.1], [0.1, 0.2, 0.7]) == "turns from Person (0.70) to Place (0.70)"
