"""The command palette that may be closed while it searches, and that has ASCII characters where the app has them alone.

Textual 8.2.8's worker goes on after the palette was closed, and looks for its parts, which are gone: `NoMatches` ends
the app. It can go when `CommandPalette._watch__show_busy` looks whether it is still mounted.
"""

from __future__ import annotations

from contextlib import suppress

from textual.command import CommandPalette, DiscoveryHit, Hits, SearchIcon
from textual.css.query import NoMatches
from textual.system_commands import SystemCommandsProvider
from textual.widgets import Input


class Actions(SystemCommandsProvider):
    """Textual's, but listed in the app's order, not by the alphabet."""

    async def discover(self) -> Hits:
        for name, help_text, callback, listed in self.app.get_system_commands(self.screen):
            if listed:
                yield DiscoveryHit(name, callback, help=help_text)


class Palette(CommandPalette):
    """Textual's; its borders in ASCII are in `app.tcss`."""

    def on_mount(self) -> None:
        if self.app.has_class("-ascii"):
            self.query_one(SearchIcon).icon = ">"
            self.query_one(Input).placeholder = "Search for commands..."

    async def _watch__show_busy(self) -> None:
        with suppress(NoMatches):
            await super()._watch__show_busy()
