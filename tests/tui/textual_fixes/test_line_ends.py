"""Where lines may end."""

from __future__ import annotations

import pytest
from rich.text import Text
from textual.content import Content

from icldiag.tui.textual_fixes import line_ends as line_ends


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_quoted_token_stays_whole(quote: str) -> None:
    text = f"most often {quote} Language{quote} (4), or ({quote} Drug{quote} 2)"
    lines = [line.plain.rstrip() for line in Content(text).wrap(13)]
    assert lines == ["most often", f"{quote} Language{quote}", "(4), or", f"({quote} Drug{quote} 2)"]


def test_other_quotes_end_lines_as_ever() -> None:
    text = "Britain 's 'own words' and 'more'"
    assert [line.plain.rstrip() for line in Content(text).wrap(10)] == ["Britain 's", "'own", "words' and", "'more'"]


def test_a_token_wider_than_the_line_is_broken() -> None:
    lines = [line.plain for line in Content.from_rich_text(Text("so ' Constantinople'")).wrap(8)]
    assert max(map(len, lines)) <= 8
    assert "".join(lines).replace(" ", "") == "so'Constantinople'"


def test_a_time_keeps_its_unit() -> None:
    lines = [line.plain.rstrip() for line in Content("first orders, about 45 s left, or 2 min of 3 shown").wrap(22)]
    assert lines == ["first orders, about", "45 s left, or 2 min of", "3 shown"]
