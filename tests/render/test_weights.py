"""The lead as bars of one scale, and what stands beside and under them."""

from __future__ import annotations

import io

from rich.console import Console

from icldiag.analyses.explanation.weights import Weight, legend
from icldiag.render.look import DARK, Look
from icldiag.render.weights import weight_rows

ROWS = (
    Weight("main", "demonstration", "demonstration 10", 0.16, "alone, labelled Number: the answer is Number"),
    Weight("also", "majority", "more demonstrations", 1.30, "alone, as many of each class: the answer is Number"),
    Weight("also", "recency", "what comes last", 0.65, "alone, another order: the answer is Number"),
    Weight("part", "prior", "label prior", -1.00, ""),
    Weight("rest", None, "the query's text", -0.70, ""),
)
LEAD = 0.41


def lines(actions: tuple[str, ...] = (), width: int = 78, look: Look = DARK) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as shown:
        console.print(weight_rows(ROWS, actions, LEAD, legend(ROWS), look, width))
    return [line.rstrip() for line in shown.get().splitlines()]


def row(said: list[str], name: str) -> str:
    return next(line for line in said if name in line and "alone" not in line)


def test_causes_larger_than_the_lead_have_bars_as_different_as_they_are() -> None:
    said = lines()
    lengths = {name: row(said, name).count("█") for name in ("demonstration 10", "more dem", "comes last", "the lead")}
    assert lengths == {"demonstration 10": 2, "more dem": 20, "comes last": 10, "the lead": 6}


def test_what_works_against_the_answer_is_as_long_as_it_is_large() -> None:
    for look in (DARK, DARK.in_ascii()):
        said = lines(look=look)
        assert row(said, "label prior").count("<") == 15
        assert row(said, "the query's text").count("<") == 11
    assert "< works against the answer" in " ".join(said)


def test_a_bar_makes_room_for_the_action_beside_it() -> None:
    said = lines(("t tries it", "Reweight: start training"))
    assert row(said, "more dem").endswith("+1.30  -> Reweight: start training")
    assert row(said, "demonstration 10").endswith("+0.16  -> t tries it")
    assert max(map(len, said)) <= 78
    assert row(said, "more dem").count("█") < 20


def test_an_action_that_has_no_room_there_leaves_the_bars_long() -> None:
    said = lines(("t tries " + "it " * 20,))
    assert row(said, "more dem").count("█") == 20
    assert said[1].lstrip().startswith("-> t tries it")


def test_sum_and_legend_take_few_lines() -> None:
    said = lines(("t tries it", "Reweight: start training"))
    assert len(said) == 3 * 2 + 2 + 1 + 2
    assert said[-3].endswith("+0.41")


def test_only_the_action_is_strong_where_it_has_a_line_of_its_own() -> None:
    console = Console(file=io.StringIO(), width=60, color_system="standard", force_terminal=True, highlight=False)
    with console.capture() as shown:
        console.print(weight_rows(ROWS[:1], ("t tries " + "it " * 12,), LEAD, "", DARK, 60))
    _, action, note, *_ = shown.get().splitlines()
    assert "\x1b[1m-> t tries" in action
    assert "alone" in note and "\x1b[1m" not in note
