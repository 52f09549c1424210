"""The moving picture of a recorded session shows what the terminal showed, each screen from when it stood."""

import json
from pathlib import Path

from tools.film import frames_of, svg_of

EVENTS = (
    (0.5, "o", "\x1b[31mred\x1b[0m <&>"),
    (0.6, "o", "\r\n"),  # 0.1 s after: the screen before it did not stand
    (1.0, "o", "second"),
    (3.0, "o", "\x1b[2J"),
    (3.1, "o", "\x1b[1;1H\x1b[1mlast\x1b[0m"),
    (4.0, "o", "\x1b[?1049l"),
)


def test_frames_are_the_screens_that_stood(tmp_path: Path) -> None:
    cast = tmp_path / "one.cast"
    lines = [{"version": 2, "width": 20, "height": 3}, *EVENTS]
    cast.write_text("".join(json.dumps(line) + "\n" for line in lines))
    frames, seconds, width, height = frames_of(cast)
    assert [frame.when for frame in frames] == [0.6, 1.0, 3.1]
    assert (seconds, width, height) == (8.1, 20, 3)
    picture = svg_of(frames, seconds, width, height)
    assert picture.count('fill="#cc555a">red</text>') == 1  # on two screens, in the file once
    assert "&lt;&amp;&gt;" in picture
    assert 'font-weight="bold">last</text>' in picture
    assert "38.27%{transform:translateX(-336px)}" in picture  # the third screen after 3.1 of 8.1 s
