"""What is left of a step, by its own pace."""

from __future__ import annotations

from icldiag.time_left import TimeLeft, about, roughly


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


def test_what_counts_many_times_a_second_has_a_pace_too() -> None:
    left = TimeLeft()
    for done in range(41):
        told = left.after("tokens", 10 * done, 1000, done / 2)
    assert told == ", about 30 s left"


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


def test_what_was_never_timed_is_told_in_large_steps() -> None:
    assert [roughly(seconds) for seconds in (0.4, 1.2, 44, 51, 59, 99, 125, 800, 9000)] == [
        "less than 1 s",
        "1 s",
        "45 s",
        "45 s",
        "1 min",
        "2 min",
        "2 min",
        "15 min",
        "3 h",
    ]


def test_it_falls_within_a_batch() -> None:
    """What reports each layer of a batch counts nothing until the batch is done."""
    left = TimeLeft()
    left.after("queries", 0, 40, 0.0)
    reports = [(done, 10.0 * done / 8 + more) for done in (8, 16) for more in range(10)]
    told = [_seconds(left.after("queries", done, 40, now)) for done, now in reports]
    assert told[0] == 40
    assert told[-1] == 20
    assert told == sorted(told, reverse=True)


def test_a_batch_that_takes_longer_holds_it_and_says_no_more_in_the_end() -> None:
    left = TimeLeft()
    left.after("queries", 0, 24, 0.0)
    assert left.after("queries", 8, 24, 10.0) == ", about 20 s left"
    assert left.after("queries", 8, 24, 25.0) == ", about 10 s left"  # the last batch, as long as the first
    assert left.after("queries", 16, 24, 26.0) == ", about 13 s left"
    assert left.after("queries", 16, 24, 60.0) == ""


def test_a_pace_that_varies_a_little_does_not_make_it_rise() -> None:
    left, now, told = TimeLeft(), 0.0, []
    left.after("cuts", 0, 20, now)
    for done in range(1, 20):
        now += 4.0 if done % 3 else 6.0
        told.append(_seconds(left.after("cuts", done, 20, now)))
    assert told == sorted(told, reverse=True)


def test_a_slow_beginning_is_not_told_as_the_pace_of_the_whole() -> None:
    """The first layers of a pass wait for the threads of another: three seconds for a thousandth of the tokens."""
    left = TimeLeft()
    left.after("tokens", 0, 10000, 0.0)
    assert left.after("tokens", 10, 10000, 3.0) == ""
    assert left.after("tokens", 90, 10000, 3.1) == ""
    told = [_seconds(left.after("tokens", 100 * part, 10000, 3 + part / 10)) for part in range(2, 12)]
    assert max(told) <= 180
    assert told[-1] <= 40


def _seconds(told: str) -> float:
    number, unit = told.removeprefix(", about ").removesuffix(" left").split()
    return float(number) * (60 if unit == "min" else 1)
