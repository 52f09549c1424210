"""One guard for every way in which Textual calls code: what raises is told in a sentence, and the app goes on.

Textual 8.2.8 hands all that raises to `App._handle_exception`, which ends the app: handlers of messages, events and
keys, actions, watchers, timers, callbacks (`call_next`, `call_later`, `call_after_refresh`, of a screen that was
dismissed, of a signal), workers, layout and painting. So that is where it is told. But around the call Textual also
gives up what it was at: a widget's message loop ends, the callbacks that wait behind the one that raised are dropped,
nothing more is painted. These few calls are therefore guarded one by one, on Textual's own classes, since its widgets
(the palette, toasts, tabs) break the app as well as ours do. It can go when Textual lets an app decide what an error in
a handler, a callback and a rendering ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from textual import events
from textual._callback import invoke
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.content import Content
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget
from textual.worker import WorkerFailed

from icldiag.crash import Facts, last_words, write_crash
from icldiag.errors import IcldiagError
from icldiag.visible import visible

_MAKING = (events.Load, events.Compose, events.Mount)  # of the app: without these there is nothing to go on with
_MOST_TOLD = 1000  # errors that are remembered, so that each is told once

_dispatch_message = MessagePump._dispatch_message
_call_next = MessagePump.call_next
_invoke_later = Screen._invoke_later
_dismiss = Screen.dismiss
_render = Widget._render
_render_lines = Widget.render_lines


async def dispatch_message(self: MessagePump, message: Message) -> None:
    """A widget's loop would end with the handler that raised, and the widget never hear of anything again."""
    try:
        await _dispatch_message(self, message)
    except Exception as error:
        if isinstance(self, App) and isinstance(message, _MAKING):
            raise
        if isinstance(error, NoMatches) and isinstance(self, Screen) and self not in self.app.screen_stack:
            return  # left before it was mounted
        _told(self, type(message).__name__, error)


def call_next(self: MessagePump, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Those that wait behind a callback that raises would be dropped."""
    _call_next(self, _guarded(self, callback, *args, **kwargs))


def invoke_later(self: Screen[Any], callback: Callable[..., Any], sender: MessagePump) -> None:
    """As `call_next`, for what is called after a refresh."""
    _invoke_later(self, _guarded(self, callback), sender)


def dismiss(self: Screen[Any], result: Any = None) -> AwaitComplete:
    """Textual closes whichever screen is in front: of two answers under way, the second would close another screen."""
    in_front = bool(self.app.screen_stack) and self.app.screen is self  # `is_current` is also true of what lies behind
    return _dismiss(self, result) if in_front else AwaitComplete()


def render(self: Widget) -> Visual:
    """A widget that cannot be drawn would stop the layout of the whole screen; it is empty."""
    try:
        return _render(self)
    except Exception as error:
        _told(self, _drawn_by(self), error)
        return Content("")


def render_lines(self: Widget, crop: Region) -> list[Strip]:
    """As `render`, for what is painted."""
    try:
        return _render_lines(self, crop)
    except Exception as error:
        _told(self, _drawn_by(self), error)
        return [Strip.blank(crop.width)] * crop.height


def _drawn_by(widget: Widget) -> str:
    """The class whose drawing it is: of several that inherit it, an error is told once."""
    return f"{next(one.__name__ for one in type(widget).__mro__ if 'render' in vars(one))}.render"


def _guarded(pump: MessagePump, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    async def guarded() -> None:
        try:
            await invoke(lambda: callback(*args, **kwargs))
        except Exception as error:
            _told(pump, _name(callback), error)

    return guarded


def _name(callback: Callable[..., Any]) -> str:
    while hasattr(callback, "func"):  # of a partial
        callback = callback.func
    return getattr(callback, "__name__", "callback")


def _told(pump: MessagePump, what: str, error: Exception) -> None:
    app = pump.app
    if isinstance(app, GuardedApp):
        app.caught(what, error)
    else:
        app._handle_exception(error)


MessagePump._dispatch_message = dispatch_message  # type: ignore[method-assign]
MessagePump.call_next = call_next  # type: ignore[method-assign]
Screen._invoke_later = invoke_later  # type: ignore[method-assign]
Screen.dismiss = dismiss  # type: ignore[method-assign]
Widget._render = render  # type: ignore[method-assign]
Widget.render_lines = render_lines  # type: ignore[method-assign]


class GuardedApp(App[None]):
    """Tells what raised; where even that fails, ends with a sentence, a crash file and the session saved."""

    def __init__(self) -> None:
        super().__init__()
        self.unexpected: list[str] = []
        self.made = False  # whether the app is on the screen: before, there is nobody to tell and nothing to go on with
        self.last_words: str | None = None
        self._leaving = False

    def is_made(self) -> None:
        """From here on errors are told; also those of tasks that nobody waits for, which asyncio would print."""
        self.made = True
        asyncio.get_running_loop().set_exception_handler(self._task_failed)

    def _task_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), Exception):
            self.caught("task", error)

    @property
    def closing(self) -> bool:
        """Whether the widgets have gone."""
        return False

    def crash_facts(self) -> Facts:
        """Hashes, counts and ids for a crash file."""
        return {}

    def save_session(self) -> None:
        """Called when the app cannot go on."""

    def caught(self, what: str, error: Exception, again: bool = False) -> None:
        """Tell what raised, or end; an error of widgets that are being taken down is of no interest to anyone."""
        if self._leaving or self._exit or not self.made:
            if not (self._leaving or self._exit):
                self._end(error)
            return
        if not self._screen_stack or self.closing:
            return
        try:
            self.tell_unexpected(what, error, again)
        except Exception as second:
            second.__cause__ = second.__cause__ or error
            self._end(second)

    def tell_unexpected(self, what: str, error: Exception, again: bool = False) -> None:
        """In a sentence: the first time, or each time that a user asks for it `again`."""
        if isinstance(error, IcldiagError):  # one that tells what to do, raised where nobody expected it
            self.notify(visible(str(error)), severity="error", markup=False)
            return
        text = f"{what}: unexpected {type(error).__name__}: {visible(str(error))[:200]}"
        told = text in self.unexpected
        if len(self.unexpected) < _MOST_TOLD:
            self.unexpected.append(text)
        if again or not told:
            path = write_crash(error, self.crash_facts())
            where = f"{visible(str(path))} says where, without your texts.\n" if path else ""
            self.notify(where + text, title="That failed; icldiag is still running", severity="error", markup=False)

    # ---- Textual's -------------------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Whatever no guard above has met: timers, layout, workers, and the app's own loop when it has ended."""
        if isinstance(error, WorkerFailed):
            if not isinstance(error.error, NoMatches):  # Textual's palette may be closed under its worker
                self.caught("worker", cast(Exception, error.error))
        elif self._running or self._leaving:
            self.caught(type(error).__name__, error)
        else:
            self._end(error)

    def _fatal_error(self) -> None:
        self._end(sys.exc_info()[1])

    def panic(self, *renderables: Any) -> None:
        """What Textual's thread for keys calls, when the terminal can no longer be read."""
        self._end(next((error for error in renderables if isinstance(error, BaseException)), None))

    def _end(self, error: BaseException | None) -> None:
        """Textual would print every frame with its variables: a thousand lines, the user's texts among them."""
        self._return_code = 1
        if isinstance(error, Exception) and self._exception is None:
            self._exception = error  # raised by `run_test`
            self._exception_event.set()
        if self.last_words is None:
            facts: Facts = {}
            with suppress(Exception):
                facts = self.crash_facts()
            self.last_words = last_words(error, facts)
            with suppress(Exception):
                self.save_session()
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """On stderr, when the terminal is given back."""
        self._exit_renderables.clear()
        if self.last_words:
            with suppress(OSError):
                print(f"icldiag: {self.last_words}", file=sys.__stderr__)

    async def _shutdown(self) -> None:
        self._leaving = True
        await super()._shutdown()

    async def _dispatch_action(self, namespace: DOMNode, action_name: str, params: Any) -> bool:
        """An action is told by its name, and each time: a user asked for it."""
        try:
            return await super()._dispatch_action(namespace, action_name, params)
        except Exception as error:
            self.caught(action_name, error, again=True)
            return True
