"""A recorded session, as asciinema plays it: python tools/cast.py docs/session.cast

The app on a sample and SmolLM2 in a terminal: Overview, why a query is wrong, a repair applied; `tools/film.py` makes a
moving picture of it. With ICLDIAG_CACHE at a folder without results it is seen how they come.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time
from codecs import getincrementaldecoder
from pathlib import Path

import typer

WIDTH, HEIGHT = 100, 30
COMMAND = ("icldiag", "--model", "smollm2", "open", "sample_prompts/sentiment.yaml")
#: What must have been written, and then, after the pause of a reader, the key.
STEPS = (("applies", "n"), ("", "1"), ("the lead, in nats", "O"), ("applies", "t"), ("broken", "q"))
_PAUSE = 3.0  # seconds; nothing in the recording stands still for longer
_PATIENCE = 180.0


def record() -> list[tuple[float, str]]:
    """What the app wrote, and when in the recording."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(sys.executable, [sys.executable, "-m", *COMMAND])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    decode = getincrementaldecoder("utf-8")("replace").decode
    events: list[tuple[float, str]] = []
    last = time.monotonic()

    def read() -> str:
        """What comes within a moment; an empty text where nothing does."""
        nonlocal last
        if not select.select([terminal], [], [], 0.05)[0]:
            return ""
        try:
            text = decode(os.read(terminal, 1 << 16))
        except OSError:  # the app has ended
            return ""
        before, now = events[-1][0] if events else 0.0, time.monotonic()
        events.append((before + min(now - last, _PAUSE), text))
        last = now
        return text

    for words, key in STEPS:
        seen, began = "", time.monotonic()
        while words not in seen:
            seen += read()
            if time.monotonic() - began > _PATIENCE:
                raise SystemExit(f"{words!r} has not come")
        while time.monotonic() - max(began, last) < _PAUSE:
            read()
        os.write(terminal, key.encode())
    for _ in range(40):
        read()
    return events


def main(target: Path) -> None:
    """Record, and write the file."""
    events = record()
    title = " ".join(COMMAND)
    header = {"version": 2, "width": WIDTH, "height": HEIGHT, "title": title, "env": {"TERM": "xterm-256color"}}
    lines = [header, *([round(when, 3), "o", text] for when, text in events)]
    target.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
