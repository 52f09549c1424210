"""A pasted text is text, however it arrives."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from icldiag.tui.textual_fixes import paste as paste

BEGIN, END = "\x1b[200~", "\x1b[201~"
TEXTS = ["", "a", "a\x1b[Aq\x1b\x1b[200~\r\x1b", "\x1b[20", "line\r" * 3, "\x1b]0;x\x07 \x1b[<0;1;1M\x1b[I", "\x1b[201"]


def keys(text: str, *, sizes: int, seed: int = 0) -> list[str]:
    """What is heard of `text` that comes in pieces of up to `sizes` characters."""
    parser, draw = XTermParser(), random.Random(seed)
    heard: list[Message] = []
    while text:
        size = draw.randint(1, sizes)
        heard += parser.feed(text[:size])
        text = text[size:]
    return [f"pasted {one.text}" if isinstance(one, events.Paste) else one.key for one in heard]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("sizes", [1, 3, 7, 1000])
def test_nothing_in_a_paste_is_a_key(text: str, sizes: int) -> None:
    for seed in range(20):
        heard = keys(f"q{BEGIN}{text}{END}\x1b[B{BEGIN}two{END}x", sizes=sizes, seed=seed)
        assert heard == ["q", f"pasted {text}", "down", "pasted two", "x"]


def test_a_long_paste_is_read_at_once() -> None:
    text = "a line of text \x1b[31m\r" * 100_000
    begun = time.process_time()
    assert keys(BEGIN + text + END, sizes=4096) == [f"pasted {text}"]
    assert time.process_time() - begun < 5.0  # Textual's: 40 s


def test_what_is_typed_by_hand_begins_no_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = XTermParser()
    assert list(parser.feed("\x1b")) == []
    time.sleep(0.15)  # longer than the rest of a key's sequence may take
    assert [event.key for event in parser.tick()] == ["escape"]  # type: ignore[attr-defined]
    assert len(list(parser.feed("[200~q"))) == 6


def test_ctrl_c_ends_a_paste_whose_end_was_lost() -> None:
    parser = XTermParser()
    heard = list(parser.feed(BEGIN + "abc")) + list(parser.feed("def")) + list(parser.feed("\x03"))
    assert [event.text for event in heard] == ["abcdef"]  # type: ignore[attr-defined]
    assert [event.key for event in parser.feed("q")] == ["q"]  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_bytes_that_are_no_text_do_not_end_the_app(prompt_file: Path, model_folder: Path) -> None:
    from tests.tui.terminal import terminal

    with terminal(prompt_file.parent, "--model", str(model_folder), "open", str(prompt_file)) as term:
        term.until("ready")
        term.type(b"\xe9\xff")
        term.press(f"{BEGIN}\x1b[A3x\x1bq{END}")
        term.press("8")
        term.until("3 demonstrations of")
        term.press("q")
        assert term.ended() == 0
