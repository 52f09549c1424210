"""What the app writes to a terminal: python -m benchmarks.terminal [open PROMPT --model NAME]

Runs `icldiag` with these arguments in a pseudo-terminal of 120x40 and prints a Markdown table: the time to the first
paint and to the first answers, the bytes that usual keys make it write once all is computed, the time until it answers
a key during a saliency run, and the bytes it writes while idle.

Models that were converted before (`$ICLDIAG_CACHE/models`, or icldiag's own place) are used; no result of before is.
With `--start` only the start is measured, in wall and processor seconds.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path
from statistics import median

import psutil

from icldiag.model.gguf_cache import models_folder

ROWS, COLUMNS = 40, 120
KEYS = {
    "panel Overview": b"O",
    "next wrong query": b"n",
    "next query": b"j",
    "panel Why": b"1",
    "panel Flow": b"3",
    "panel Isolate": b"4",
    "cut a layer": b" ",
    "panel Extract": b"5",
    "panel Prompt": b"8",
    "panel Labels": b"2",
    "layer down": b"[",
}


class Terminal:
    """The app in a pseudo-terminal."""

    def __init__(self, arguments: list[str]) -> None:
        place = tempfile.mkdtemp()  # not the user's results and sessions
        converted = models_folder()
        if converted.exists():
            (Path(place) / "models").symlink_to(converted)
        self.begun = time.perf_counter()
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", ICLDIAG_CACHE=place, ICLDIAG_STATE=place)
            os.execv(sys.executable, [sys.executable, "-m", "icldiag", *arguments])
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def read(self, quiet: float, longest: float = 60.0) -> bytes:
        """All that is written until nothing comes for `quiet` seconds, or the app has ended."""
        found, end = b"", time.perf_counter() + longest
        while time.perf_counter() < end and select.select([self.descriptor], [], [], quiet)[0]:
            if not (written := self._written()):
                break
            found += written
        return found

    def _written(self) -> bytes:
        """What waits to be read; nothing where the app has ended, which Linux says by an error."""
        try:
            return os.read(self.descriptor, 1 << 16)
        except OSError:
            return b""

    def press(self, key: bytes) -> None:
        os.write(self.descriptor, key)

    def first(self, words: bytes) -> str:
        """Seconds since the start until the words are on the screen, and how many of them on a processor."""
        seen = b""
        while words not in seen:
            if not (written := self._written()):
                raise SystemExit(f"the app ended before it showed {words.decode()!r}")
            seen += written
        wall, used = time.perf_counter() - self.begun, psutil.Process(self.process).cpu_times()
        return f"{wall:.2f} s, {used.user + used.system:.2f} processor s"


def main() -> None:
    """Print the table."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--start"]
    terminal = Terminal(arguments)
    print("| what | measured |\n| --- | --- |")
    print(f"| first paint | {terminal.first(b'icldiag')} |")
    print(f"| first answers, at most 8 | {terminal.first(b'answered')} |", flush=True)
    print(f"| all answers | {terminal.first(b' right')} |", flush=True)
    if len(arguments) < len(sys.argv) - 1:
        terminal.press(b"q")
        terminal.read(2.0)
        return
    terminal.read(3.0)
    for key in (*KEYS.values(), b"k", b"N"):  # so that what is measured shows what was computed before, and no progress
        terminal.press(key)
        terminal.read(6.0)  # more than any batch takes
    for name, key in KEYS.items():
        terminal.press(key)
        print(f"| bytes for {name} | {len(terminal.read(1.5))} |", flush=True)
    terminal.press(b"3")
    terminal.read(1.5)
    terminal.press(b"m")  # saliency of all queries
    waits = []
    for number in range(20):
        time.sleep(0.05)
        terminal.read(0.0)
        begun = time.perf_counter()
        terminal.press(b"]" if number % 2 else b"[")
        select.select([terminal.descriptor], [], [], 5.0)
        waits.append(time.perf_counter() - begun)
    waited = f"{median(waits) * 1e3:.0f}, {max(waits) * 1e3:.0f} ms"
    print(f"| key answered during saliency, median and worst of 20 | {waited} |")
    terminal.read(8.0)
    time.sleep(5.0)
    print(f"| bytes in 5 idle seconds | {len(terminal.read(0.1))} |")
    terminal.press(b"q")
    terminal.read(2.0)


if __name__ == "__main__":
    main()
