"""Lines in columns: all are shown where the width permits, in as few columns as do."""

from __future__ import annotations

import pytest
from rich.text import Text

from icldiag.render.columns import in_columns, side_by_side, width_of

HEAD = Text("no name")
LINES = [Text(f"{n:>2} line{n}") for n in range(10)]


@pytest.mark.parametrize(("width", "height", "rows"), [(80, 40, 11), (80, 11, 11), (80, 10, 6), (80, 4, 4), (20, 2, 6)])
def test_as_few_columns_as_show_all(width: int, height: int, rows: int) -> None:
    """Twelve cells a column: seven fit in 80, two in 20."""
    drawn = in_columns(HEAD, LINES, width, height).plain
    assert drawn.count("\n") + 1 == rows
    assert max(map(len, drawn.split("\n"))) <= width
    for line in LINES:
        assert line.plain in drawn
    assert drawn.split("\n")[0].count("no name") == -(-10 // (rows - 1))


def test_nothing_to_list_leaves_the_head() -> None:
    assert in_columns(HEAD, [], 80, 10).plain in ("", "no name")


def test_blocks_beside_each_other_keep_their_columns() -> None:
    blocks = [[Text("a"), Text("bbb")], [Text("x"), Text("y"), Text("z")]]
    assert [line.rstrip() for line in side_by_side(blocks).plain.split("\n")] == ["a      x", "bbb    y", "       z"]
    assert width_of(blocks) == 8
