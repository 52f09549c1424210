"""What is left of a step, by its own pace."""

from __future__ import annotations

from icldiag.time_left import TimeLeft, about


def test_it_is_told_once_the_pace_is_known() -> None:
    left = TimeLeft()
    assert left.after("cuts", 0, 10, 100.0) == ""
    assert left.after("cuts", 1, 10, 102.0) == ""  # too soon to tell
    assert left.after("cuts", 2, 10, 104.0) == ", about 16 s left"
    assert left.after("cuts", 10, 10, 120.0) == ""


def test_what_was_there_before_says_nothing_of_the_pace() -> None:
    """A search's first candidates need no pass."""
    left = TimeLeft()
    assert left.after("repairs", 0, 40, 0.0) == ""
    assert left.after("repairs", 5, 40, 0.1) == ""
    assert left.after("repairs", 5, 40, 9.0) == ""
    assert left.after("repairs", 25, 40, 20.1) == ", about 15 s left"


def test_another_step_has_a_pace_of_its_own() -> None:
    left = TimeLeft()
    left.after("one", 0, 2, 0.0)
    assert left.after("one", 1, 2, 200.0) == ", about 3 min left"
    assert left.after("two", 1, 2, 201.0) == ""
    assert left.after("two", 1, 3, 210.0) == ""


def test_hours_are_told_as_hours() -> None:
    assert [about(seconds) for seconds in (0.2, 50, 600, 9000)] == [
        "less than 1 s",
        "about 50 s",
        "about 10 min",
        "about 2 h",
    ]
