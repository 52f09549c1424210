"""Renderables as strings."""

from __future__ import annotations

import math

import pytest
from rich.style import Style
from textual.color import Color

from icldiag.page.blocks import Piece
from icldiag.page.text import ranges
from icldiag.render.bars import label_style, probability_bars, probability_line, short_number
from icldiag.render.fit import cut_middle, short_names
from icldiag.render.heatmap import Heatmap, heatmap
from icldiag.render.layers import layer_at, layer_row
from icldiag.render.look import DARK, LIGHT, PLAIN, SIXTEEN, Look
from icldiag.render.queries import query_lines
from icldiag.render.stages import progress_bar, stage_list
from icldiag.render.tokens import strongest_names, token_strip, weighted_strip
from icldiag.visible import visible

ASCII = DARK.in_ascii()
NAN = math.nan


@pytest.mark.parametrize(
    ("text", "wanted", "in_ascii"),
    [
        ("plain [/red]", "plain [/red]", "plain [/red]"),
        ("a\x1b[31mb", "a^[[31mb", "a^[[31mb"),
        ("a\nb\tc\r", "a¶b→c^M", "a\\nb\\tc\\r"),
        ("\x7f\x00", "^?^@", "^?^@"),
        ("\x9b2J", "<U+009B>2J", "<U+009B>2J"),
        ("a\u202eb\u200b", "a<U+202E>b<U+200B>", "a<U+202E>b<U+200B>"),
        ("naïve 😀", "naïve 😀", "naïve 😀"),
    ],
)
def test_nothing_a_terminal_would_obey_is_left(text: str, wanted: str, in_ascii: str) -> None:
    assert visible(text) == wanted
    assert visible(text, ascii_only=True) == in_ascii


def test_a_heatmap_has_its_number_in_every_cell_and_marks_a_pair() -> None:
    values = [[1.0, 0.41, NAN], [0.41, 1.0, 0.12], [NAN, 0.12, 1.0]]
    matrix = Heatmap(("Abbreviation", "Entity", "Description"), values, lambda v: 1 - v, {(1, 2), (2, 1)})
    assert heatmap(matrix, ASCII).plain.split("\n") == [
        "             Abbr Enti Desc",
        "Abbreviation       .41    -",
        "Entity        .41     @ .12",
        "Description     -@ .12     ",
    ]
    window = heatmap(matrix, ASCII, rows=range(1, 2), columns=range(2, 3)).plain.split("\n")
    assert window == ["             Desc", "Entity      @ .12"]


def test_columns_are_as_wide_as_their_names_where_there_is_room() -> None:
    values = [[1.0, 0.41], [0.41, 1.0]]
    matrix = Heatmap(("Happy", "Others"), values, lambda v: 1 - v, {(0, 1)})
    assert heatmap(matrix.with_room(ASCII, 40), ASCII).plain.split("\n") == [
        "        Happy Others",
        "Happy          @ .41",
        "Others    .41       ",
    ]
    assert matrix.with_room(ASCII, 1) == matrix


def test_rows_and_columns_in_any_order_and_short_heads() -> None:
    values = [[1.0, 0.41, 0.9], [0.41, 1.0, 0.12], [0.9, 0.12, 1.0]]
    matrix = Heatmap(("Abbreviation", "Entity", "Description"), values, lambda v: 1 - v, {(0, 2)})
    assert heatmap(matrix, ASCII, rows=[2, 0], columns=[0, 1, 2], head_width=4).plain.split("\n") == [
        "     Abbr Enti Desc",
        "Desc  .90  .12     ",
        "Abbr       .41@ .90",
    ]
    assert matrix.strongest_pairs == [(1, 2), (0, 1), (0, 2)]


def test_the_more_confused_the_stronger_in_every_look() -> None:
    for look in (DARK, LIGHT, SIXTEEN, PLAIN):
        styles = [look.heat_of(step / 20) for step in range(21)]
        assert styles[0] != styles[-1]
        assert list(dict.fromkeys(styles)) == list(dict.fromkeys(look.heat))
    assert DARK.heat_of(7) == DARK.heat[-1]


def test_probabilities_tell_predicted_from_gold_by_a_sign() -> None:
    bars = probability_bars(["Entity", "Person", "Number"], [0.61, 0.11, 0.28], 0, 2, ASCII, 30).plain.split("\n")
    assert [line[:2] for line in bars] == ["> ", " *", "  "]
    assert bars[0].endswith("0.61")
    assert bars[0].count("#") > bars[1].count("#") > bars[2].count("#")
    few = probability_bars(["a", "b", "c", "d"], [0.4, 0.3, 0.2, 0.1], 0, 3, ASCII, 30, height=2).plain
    assert " * d" in few or " *d" in few.replace("  ", " ")
    line = probability_line(["Entity", "Person"], [0.61, 0.39], 0, 1, ASCII, 60)
    assert line.plain == ">Entity .61  *Person .39"


@pytest.mark.parametrize(("value", "wanted"), [(0.12, ".12"), (1.0, "1.00"), (-0.3, "-.30"), (NAN, "-")])
def test_short_numbers(value: float, wanted: str) -> None:
    assert short_number(value) == wanted


def test_names_stay_different() -> None:
    assert short_names(["Description", "Entity"], 4) == ("Desc", "Enti")
    assert short_names(["card", "card payment"], 5) == ("card", "carnt")  # not "card" and "card "
    assert len(set(short_names(["card_lost", "card_late", "card_stolen"], 4))) == 3
    assert cut_middle("abcdefghij", 6, "~") == "abc~ij"


def test_a_query_in_two_lines() -> None:
    first, second = query_lines(7, "Why [b]?", "Entity", "Person", chosen=True, width=40, look=ASCII)
    assert first.plain == ">x Why [b]?"
    assert second.plain == "  7 Entity  want Person"
    first, second = query_lines(1234, "", None, None, chosen=False, width=40, look=ASCII)
    assert (first.plain, second.plain.strip()) == (" ? (empty)", "1234")
    tight = query_lines(12, "a", "World", "Sports", chosen=False, width=30, look=ASCII, was="Business", sign="~")[1]
    assert tight.plain == " 12~World  want Sports"  # what it was is told where whole names have room
    moved = query_lines(12, "a", "Entity", "Person", chosen=False, width=40, look=ASCII, was="Person")[1]
    assert moved.plain == " 12~Entity  want Person (was right)"


def test_layers_and_clicks() -> None:
    row = layer_row(8, 6, ASCII, 60).plain
    assert "[6]" in row
    assert layer_at(8, 60, row.index("[6]") + 1) == 6
    assert layer_at(8, 60, row.index("3")) == 3
    assert layer_at(8, 60, 2) is None
    assert ranges({5, 0, 1, 2}) == "0-2, 5"
    assert ranges(()) == ""


def test_tokens_carry_signs() -> None:
    pieces = [
        Piece("Type", "template", 0),
        Piece(":", "forerunner", 0),
        Piece(" Person", "label", 0),
        Piece("\n", "separator", 0),
    ]
    assert token_strip(pieces, ASCII).plain == "Type^:[ Person]\\n"
    assert strongest_names(pieces, [0.0, 0.2, 0.9, 0.0], ASCII) == "Person (1), : (2)"
    assert strongest_names(pieces, [0.0] * 4, ASCII) == ""
    assert weighted_strip(pieces, [0.0, 0.2, 0.9, 0.0], ASCII).plain == "Type:(2) Person(1)\\n\n"


def test_stages_and_progress() -> None:
    assert progress_bar(1, 2, ASCII, 4).plain == "[##--]"
    assert progress_bar(0, 0, ASCII, 4).plain == "[----]"
    text = stage_list(["tokenizer", "weights"], 1, "3 of 4", ASCII, 40).plain
    assert "+ tokenizer" in text
    assert "> weights  3 of 4" in text


def test_looks_are_complete() -> None:
    assert isinstance(DARK, Look)
    assert DARK.in_ascii().bar == "#"


def test_every_style_has_contrast_enough() -> None:
    for look, background in ((DARK, "#121212"), (LIGHT, "#e0e0e0")):
        plain = (look.wrong, look.right, look.gold, look.chosen, look.forerunner, look.target, look.muted)
        for style in (*plain, *look.heat):
            parsed = Style.parse(style)
            ground = Color.parse(background if parsed.bgcolor is None else parsed.bgcolor.name)
            assert parsed.color is not None
            assert contrast(Color.parse(parsed.color.name), ground) >= 4.5, (style, look is LIGHT)


def test_the_heat_is_one_hue_that_goes_away_from_the_background() -> None:
    for look, ends in ((DARK, 1), (LIGHT, -1)):
        grounds = [Color.parse(Style.parse(style).bgcolor.name) for style in look.heat]  # type: ignore[union-attr]
        brightness = [ends * ground.brightness for ground in grounds]
        assert brightness == sorted(brightness)
        assert max(ground.hsl.h for ground in grounds) - min(ground.hsl.h for ground in grounds) < 0.06


def contrast(one: Color, other: Color) -> float:
    """As WCAG 2 defines it: 4.5 is asked of text."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    parts = [part / 255 for part in color.rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_sentence_of_ours_is_ascii_where_the_terminal_is() -> None:
    assert Look(ascii_only=True).sentence("1 ± 0.2 of 'é'\n") == "1 +- 0.2 of 'é'\\n"
    assert Look().sentence("1 ± 0.2 of 'é'\n") == "1 ± 0.2 of 'é'¶"


def test_a_right_answer_has_the_colour_of_right_ones() -> None:
    look = DARK
    assert label_style(1, predicted=1, gold=1, look=look) == f"bold {look.right}"
    assert label_style(1, predicted=0, gold=1, look=look) == look.gold
    assert label_style(0, predicted=0, gold=1, look=look) == look.chosen
    assert label_style(2, predicted=0, gold=1, look=look) == look.muted
