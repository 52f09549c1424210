"""What is pasted is text up to its end, whatever it holds; bytes that are no text end nothing.

Textual 8.2.8's parser goes on looking for keys in a bracketed paste: what follows an escape character in it is pressed,
so that a text could ask, edit or quit. It reads a long paste character by character, which takes minutes. And its
drivers decode what comes strictly: one byte of Latin-1 ends their thread, and with it the app. Importing this module
mends all drivers. It can go when `XTermParser` takes nothing in a paste for keys and the drivers replace such bytes.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END as END
from textual._xterm_parser import BRACKETED_PASTE_START as START
from textual._xterm_parser import XTermParser
from textual.message import Message

_CTRL_C = "\x03"  # read by itself, it was pressed: it ends a paste whose end was lost, and the keyboard is heard again
_feed = XTermParser.feed


class _Paste:
    """Where a parser is: in a paste whose `text` has come so far, or after `before`, in which one may begin."""

    text: str | None = None
    before = ""


_pastes: WeakKeyDictionary[XTermParser, _Paste] = WeakKeyDictionary()


def feed(self: XTermParser, data: str) -> Iterable[Message]:
    """Textual's parser is given the marks around a paste with nothing between them, and its event the text."""
    if not data:  # the end of all input
        yield from _feed(self, data)
    paste = _pastes.setdefault(self, _Paste())
    while data:
        if paste.text is None:
            before = "" if self._awaiting.timeout is None else paste.before  # else a key's sequence has ended
            at = (before + data).find(START)
            if at < 0:
                paste.before = (before + data)[1 - len(START) :]
                yield from _feed(self, data)
                return
            end = at + len(START) - len(before)
            yield from _feed(self, data[:end])
            paste.text, data = "", data[end:]
        else:
            lost = data == _CTRL_C
            text = paste.text + (END if lost else data)
            end = text.find(END, max(len(paste.text) - len(END), 0))
            if end < 0:
                paste.text = text
                return
            paste.text, paste.before, data = None, "", text[end + len(END) :]
            for message in _feed(self, END):
                if isinstance(message, events.Paste):
                    message.text = text[:end].replace("\0", "")
                yield message


def _decoder(encoding: str) -> Any:
    return partial(getincrementaldecoder(encoding), errors="replace")


XTermParser.feed = feed  # type: ignore[method-assign]
for _name in ("linux_driver", "web_driver"):
    try:
        import_module(f"textual.drivers.{_name}").getincrementaldecoder = _decoder  # type: ignore[attr-defined]
    except ImportError:  # on Windows, whose driver is given text
        continue
