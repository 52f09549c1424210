"""The last line: the app's most wanted keys, as many as have room, and always the one that lists all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.widget import Widget

from icldiag.render.look import DARK, Look
from icldiag.tui.keys import key_text

Shown = tuple[str, str, str]  # Textual's name of a key, how it is written, what it does

_WORDS = {"app.queries": "list", "app.help": "all keys"}  # that are shorter than in the help, or say more
_WIDE = {"app.sort-the-queries": "sort", "app.mark-the-query": "mark", "app.scroll-down": "scroll"}
_LISTING = {  # while the list of queries covers the panel
    "app.queries": "close list",
    "app.sort-the-queries": "sort",
    "app.mark-the-query": "mark",
    "app.filter": "filter",
    "app.only-the-marked-queries": "only marked",
    "app.mark-all-listed": "mark all",
    "app.quit": "quit",
}
_PALETTE: Shown = ("ctrl+p", "^p", "palette")


def footer_keys(bindings: Iterable[Binding], listing: bool, width: int) -> list[Shown]:
    """`listing`: the list of queries is in front."""
    by_id = {str(one.id): one for one in bindings}
    shown = ["app.quit", *(name for name, one in by_id.items() if one.show)]
    words = _LISTING if listing else {name: _WORDS.get(name, by_id[name].description) for name in shown}
    found = [_shown(by_id[name], word) for name, word in words.items() if name != "app.help"]
    found += [_PALETTE, *(() if listing else (_shown(by_id[name], word) for name, word in _WIDE.items()))]
    last = _shown(by_id["app.help"], _WORDS["app.help"])
    room = width - _cells(last)
    taken: list[Shown] = []
    for one in found:
        room -= _cells(one) + 1
        if room < 0:
            break
        taken.append(one)
    return [*taken, last]


def _shown(binding: Binding, word: str) -> Shown:
    written = binding.key_display or key_text(binding).split()[0].replace("ctrl+", "^")
    return binding.key.split(",")[0], written, word


def _cells(one: Shown) -> int:
    return cell_len(one[1]) + 1 + cell_len(one[2])


class KeyLine(Widget):
    """A click on a key is that key."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Shown] = []
        self.look: Look = DARK

    def set(self, keys: list[Shown], look: Look) -> None:
        """Drawn anew only where it changed."""
        if (keys, look) != (self.keys, self.look):
            self.keys, self.look = keys, look
            self.refresh()

    def render(self) -> Text:
        parts = ([(key, self.look.strong), (f" {word}", self.look.muted)] for _, key, word in self.keys)
        return Text(" ", no_wrap=True).join(Text.assemble(*part) for part in parts)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        for start, one in self._places():
            if offset is not None and start <= offset.x < start + _cells(one):
                self.app.simulate_key(one[0])

    def _places(self) -> Iterator[tuple[int, Shown]]:
        start = 0
        for one in self.keys:
            yield start, one
            start += _cells(one) + 1
