"""Forms of label words, and words that come from the labels' names."""

from __future__ import annotations

import pytest

from icldiag.prompt.label_wording import form, from_names, renamed, unlike_names, written
from icldiag.prompt.schema import Example, Label


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (" Person", (" ", "a capital")),
        ("person", ("", "lower case")),
        (" PIN", (" ", "upper case")),
        (" eBay", (" ", "mixed case")),
        ("42", ("", "without case")),
    ],
)
def test_a_word_has_a_form(word: str, expected: tuple[str, str]) -> None:
    assert form(word) == expected
    assert written(word, expected) == word


def test_a_word_is_written_in_another_form() -> None:
    assert written(" LOCATION", (" ", "a capital")) == " Location"
    assert written("location", (" ", "upper case")) == " LOCATION"
    assert written(" 42", ("", "a capital")) == "42"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("card_arrival", " arrival"), ("card_arrival", " Arrived"), ("cardArrival", " arrival"), ("World", " world"),
        ("Abbreviation", " abbr"), ("A", " A"), ("LABEL_0", "label_0"), ("体育新闻", "体育新闻"), ("ok?", " OK?"),
    ],
)  # fmt: skip
def test_a_word_is_like_its_name(name: str, word: str) -> None:
    assert unlike_names([Label(name, word)]) == ()


@pytest.mark.parametrize(
    ("name", "word"), [("change_pin", " the"), ("positive", " good"), ("Abbreviation", " A"), ("negative", " 0")]
)
def test_a_word_is_unlike_its_name(name: str, word: str) -> None:
    assert unlike_names([Label(name, word)]) == (0,)


def words(*labels: tuple[str, str]) -> list[str] | None:
    found = from_names([Label(name, word) for name, word in labels])
    return None if found is None else [label.word for label in found]


def test_words_come_from_names() -> None:
    bank = ("card_arrival", " arrival"), ("change_pin", " the"), ("stolen_card", " stolen"), ("age_limit", " Zebra")
    assert words(*bank) == [" arrival", " pin", " stolen", " limit"]
    assert words(("Positive", "1"), ("Negative", "0")) == ["Positive", "Negative"]  # digits have no case to go by
    assert words(("Person", " PERSON"), ("Place", " THE")) == [" PERSON", " PLACE"]


def test_a_part_that_another_label_has_is_not_taken() -> None:
    assert words(("lost_card", " blue"), ("stolen_card", " stolen")) == [" lost", " stolen"]
    assert words(("change pin", " blue"), ("other", " pin")) == [" change", " other"]
    assert words(("pin", " blue"), ("pin_change", " change")) is None  # no part of its own


def test_a_part_that_others_write_of_is_not_taken_where_there_is_another() -> None:
    labels = [Label("lost_card", " blue"), Label("age_limit", " zebra"), Label("fee", " fee")]
    shown = [Example("Is there a fee for the card ?", 2), Example("My card is gone", 0), Example("A limit ?", 1)]
    for demonstrations, first in ((shown, " lost"), (shown[1:], " card"), ([], " card")):
        found = from_names(labels, demonstrations)
        assert found is not None
        assert [label.word for label in found] == [first, " limit", " fee"]


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("0", "1"), ("A", "B")])
def test_names_that_say_nothing_give_no_words(names: tuple[str, str]) -> None:
    assert words((names[0], " good"), (names[1], " bad")) is None


def test_words_that_are_like_their_names_stay() -> None:
    assert words(("Person", " Person"), ("Place", " Place")) is None


def test_new_words_are_listed_with_whose_they_are() -> None:
    before = [Label(f"label {letter * 3}", " the" if letter != "a" else " aaa") for letter in "abcdefg"]
    after = from_names(before)
    assert after is not None
    told = renamed(before, after)
    assert told.startswith("'bbb' for label bbb, 'ccc' for label ccc")
    assert told.endswith("'eee' for label eee and 2 more")
