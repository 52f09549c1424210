"""What is known of a pair of labels, as strings."""

from __future__ import annotations

import pytest

from icldiag.page.text import place
from icldiag.render.look import DARK
from icldiag.render.pairs import demonstration_lines

ASCII = DARK.in_ascii()


def test_demonstrations_are_cut_to_the_width() -> None:
    shown = [("lost_card", ["My card is lost.", "It is gone."]), ("pin", ["[b] forgot"]), ("fee", [])]
    assert demonstration_lines(shown, ASCII, 36).plain.split("\n") == [
        "lost_card  My card is lost. | It ...",
        "pin        [b] forgot",
        "fee        (no demonstration)",
    ]


@pytest.mark.parametrize(
    ("rank", "words"),
    [(1, "closest"), (2, "2nd closest"), (3, "3rd closest"), (11, "11th closest"), (22, "22nd closest")],
)
def test_places(rank: int, words: str) -> None:
    assert place(rank, "closest") == words
