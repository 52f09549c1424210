"""A key has done all that it does before the next one is heard.

Textual 8.2.8 puts a key into the queue of the widget that has the focus, and hears the next. Of keys that come at once,
as over a slow line, the characters are in a line to type before the first key that deletes, moves the cursor or
submits has come back up to the app, which runs the bindings; and what was typed behind such a key stays with the widget
that had the focus before it. Here the app itself brings a key to that widget and to those around it. It can go when
Textual hears a key only after the one before it.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

Forward = Callable[..., None]


async def deliver(message: Message, first: DOMNode) -> None:
    """Have a node hear the message, and those around it up to the app, unless one of them stops it."""
    message.bubble = False  # type: ignore[misc]  # or each would post it to the next
    for node in first.ancestors_with_self:
        message.prevent_default(False)  # that was of the node before
        await node._dispatch_message(message)
        if message._stop_propagation or not node.is_attached:
            return


class OrderedKeysApp(App[None]):
    """Hears one key at a time."""

    hearer: Widget | None = None  # of the key that is under way

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        await self.screen._mounted_event.wait()  # one that has just opened gets its line and the focus by then
        self.hearer = None
        await super().on_event(event)
        if self.hearer is not None:
            await deliver(event, self.hearer)


def _told(forward: Forward) -> Forward:
    def forward_event(self: Widget, event: events.Event) -> None:
        """Textual's, but of a key it only says who is to hear it."""
        if isinstance(event, events.Key) and isinstance(self.app, OrderedKeysApp):
            event._set_forwarded()
            self.app.hearer = self
        else:
            forward(self, event)

    return forward_event


Widget._forward_event = _told(Widget._forward_event)  # type: ignore[method-assign]
Screen._forward_event = _told(Screen._forward_event)  # type: ignore[method-assign]
