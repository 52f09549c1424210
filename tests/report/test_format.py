"""Which format is written: the one that is named, or that of the output's ending."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.page.formats import format_of


@pytest.mark.parametrize(
    ("given", "output", "expected"),
    [
        (None, None, "json"),
        ("md", None, "md"),
        (None, "a.html", "html"),
        (None, "a.HTM", "html"),
        (None, "a.txt", "text"),
        (None, "a.json", "json"),
        ("json", "a.html", "json"),
        (None, "a.dat", "json"),
        (None, "-", "json"),
        (None, "/dev/null", "json"),
    ],
)
def test_the_ending_says_what_is_written(given: str | None, output: str | None, expected: str) -> None:
    assert format_of(given, None if output is None else Path(output), "json") == expected
