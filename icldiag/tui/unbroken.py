"""A handler that raises must not take the app down: Textual ends a widget's loop, and the app with it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.message import Message
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from icldiag.tui.app import DiagnosisApp

_MAKING = (events.Load, events.Compose, events.Mount, events.Unmount)  # without these there is nothing to go on with


class Unbroken(MessagePump):
    """The app, or a widget of it, that goes on with the next message after one whose handler raised; the user is told.

    Comes before Textual's class among the bases.
    """

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if isinstance(message, _MAKING):
                raise
            self._tell(type(message).__name__, error)

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """As Textual's, which would not come back from a callback that raises either."""

        async def guarded() -> None:
            try:
                result = callback(*args, **kwargs)
                if isawaitable(result):
                    await result
            except Exception as error:
                self._tell(getattr(callback, "__name__", "refresh"), error)

        return super().call_after_refresh(guarded)

    def _tell(self, what: str, error: Exception) -> None:
        app = cast("DiagnosisApp", self.app)
        if not app.closing:  # a late message may miss widgets that have gone, and there is nobody to tell
            app.tell_unexpected(what, error)
