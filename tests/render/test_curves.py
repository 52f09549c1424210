"""Charts as strings."""

from __future__ import annotations

import math

import pytest

from icldiag.render.curves import Chart, Curve, chart
from icldiag.render.look import DARK

ASCII = DARK.in_ascii()
UP, DOWN = Curve("up", "o", [0.0, 0.5, 1.0]), Curve("down", "x", [1.0, 0.25, math.nan])


def lines_of(what: Chart, cursor: int | None, width: int, height: int) -> list[str]:
    return [line.rstrip() for line in chart(what, cursor, width, height, ASCII).plain.split("\n")]


def test_values_are_read_out_beside_the_curves() -> None:
    assert lines_of(Chart((UP, DOWN)), 1, 40, 5) == [
        "1.00 |    xx    |    oo    layer 1",
        "     |      x   | ooo      o  0.50  up",
        "0.50 |       xxooo         x  0.25  down",
        "     |      ooo x",
        "0.00 |    oo    |",
        "layer     0    [1]    2",
    ]


def test_where_there_is_no_room_the_legend_stands_above_and_a_gap_is_left_for_what_is_undefined() -> None:
    assert lines_of(Chart((UP, DOWN)), 2, 16, 3) == [
        "layer 2",
        "o  1.00  up",
        "x   -    down",
        "1.00 |  xx   oo",
        "0.50 |    ooo |",
        "0.00 |  oo x  |",
        "layer   0  1 [2]",
    ]


def test_a_legend_above_takes_as_few_lines_as_hold_it() -> None:
    many = Chart(tuple(Curve(f"curve {n}", "o", [0.5] * 30) for n in range(4)))
    assert lines_of(many, 2, 70, 3)[:3] == [
        "layer 2   o  0.50  curve 0   o  0.50  curve 1   o  0.50  curve 2",
        "o  0.50  curve 3",
        "1.00 |      |",
    ]


@pytest.mark.parametrize("layers", [1, 2, 8, 24, 48, 96])
@pytest.mark.parametrize("width", [30, 78, 120])
def test_a_click_finds_the_layer_whose_number_is_under_it(layers: int, width: int) -> None:
    what = Chart((Curve("c", "o", [0.5] * layers),))
    step = what.step(width)
    assert 1 <= step <= 8
    assert [what.point_at(width, 7 + layer * step + step // 2) for layer in range(layers)] == list(range(layers))
    assert what.point_at(width, 2) is None
    assert what.point_at(width, 7 + layers * step) is None


def test_other_units_and_scales() -> None:
    loss = Chart((Curve("mean loss", "o", [0.8, 0.4, math.nan]),), high=0.8, unit="epoch", first=1)
    lines = lines_of(loss, 1, 60, 3)
    assert lines[0].startswith("0.80 |")
    assert lines[3].split() == ["epoch", "1", "[2]", "3"]
    assert lines[1].endswith("o  0.40  mean loss")


def test_what_is_under_the_scale_is_not_drawn_as_its_lowest_value() -> None:
    dip = Chart((Curve("dip", "o", [0.02, -0.2, -3.0, 0.0, -0.02]),))
    assert lines_of(dip, None, 60, 3) == [
        "1.00 |                                      o   dip",
        "0.50 |",
        "0.00 |    ooo                  oooooooo",
        "  <0 |       oooooooooooooooooo",
        "layer     0      1      2      3      4",
    ]
    assert not Chart((UP, DOWN)).goes_beyond(-1)
    assert not Chart((UP,), low=-1.0).goes_beyond(-1)


def test_what_is_over_the_scale_is_not_drawn_as_its_highest_value() -> None:
    """A site's share of a change may be more than the whole."""
    peak = Chart((Curve("peak", "o", [0.98, 1.1, 4.0, 1.02, 0.0]),))
    assert lines_of(peak, None, 60, 3) == [
        "  >1 |         oooooooooooooooo             o   peak",
        "1.00 |    ooooo                oo",
        "0.50 |                           oooo",
        "0.00 |                               oo",
        "layer     0      1      2      3      4",
    ]
    assert not Chart((UP, DOWN)).goes_beyond(1)


def test_points_that_say_nothing_are_muted() -> None:

    def muted_signs(sure_from: int) -> int:
        curve = Curve("up", "o", [0.0, 0.5, 1.0], "bold red", sure_from)
        drawn = chart(Chart((curve,)), None, 40, 5, ASCII)
        muted = {span.start for span in drawn.spans if str(span.style) == ASCII.muted}
        return sum(drawn.plain[place] == "o" for place in muted)

    assert muted_signs(0) == 0
    assert muted_signs(1) >= 1
