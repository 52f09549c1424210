"""What a user wrote, in a message: short, on one line, and nothing that a terminal obeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.quoting import MOST, brief, did_you_mean, listed, quoted, shortened
from icldiag.visible import visible

TEXTS = ("a" * 5000, "word " * 2000, "\x1b[31m" * 500, "a\nb", "\u202ertl", "\ud800" * 90, "👩\u200d" * 99, "'\"" * 200)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_values_are_short_and_visible(text: str) -> None:
    for shown in (shortened(text), quoted(text), quoted([text] * 50), quoted({text: text})):
        assert len(shown) <= MOST
        assert shown == visible(shown)
    assert len(listed([text] * 50)) < 9 * MOST
    assert len(brief(ValueError(f"cannot read '{text}' here"))) <= 300


def test_short_values_are_whole() -> None:
    assert quoted("it's\n") == repr("it's\n")
    assert quoted(["a", 1]) == "['a', 1]"
    assert listed("abc") == "a, b, c"
    assert listed("abcdefghijk") == "a, b, c, d, e, f, g, h, ... (11 in all)"
    assert brief(KeyError()) == "KeyError"


def test_an_error_is_one_short_line_whatever_it_names() -> None:
    error = PromptError("wrong", path=Path("a\nb/" + "x" * 5000), line=3, field="k\x1b" * 5000)
    assert str(error) == visible(str(error))
    assert len(str(error)) < 300
    path = Path("/home/someone/a folder with a long name/and another one in it, also long/prompt.yaml")
    assert str(PromptError("wrong", path=path, line=3)) == f"{path}:3: wrong"


def test_a_name_that_is_nearly_one_is_asked_for() -> None:
    assert did_you_mean("confusoin", ["confusion", "prediction"]) == "did you mean 'confusion'? "
    assert did_you_mean("x", ["confusion", "prediction"]) == ""
    assert len(did_you_mean("ab" * 5000, ["ab" * 30])) < 2 * MOST
