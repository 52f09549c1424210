"""Every action in words: the command palette, the key hints and the help, all from the bindings in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import SystemCommand
from textual.binding import BindingType

from icldiag.render.look import Look
from icldiag.tui.keys import Keymap, in_force, shown
from icldiag.tui.matrix import Matrix
from icldiag.tui.queries import QueryList

if TYPE_CHECKING:
    from icldiag.tui.app import DiagnosisApp


def keys(bindings: Iterable[BindingType], keymap: Keymap) -> list[tuple[str, str]]:
    """Key and description of every binding."""
    return [(shown(binding), binding.description) for binding in in_force(bindings, keymap)]


def hints(bindings: Iterable[BindingType], keymap: Keymap, look: Look) -> Text:
    """One line of keys and what they do."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for key, does in keys(bindings, keymap):
        line.append(f" {key} ", look.strong).append(f"{does}  ", look.muted)
    return line


def help_sections(app: DiagnosisApp) -> dict[str, list[tuple[str, str]]]:
    """Keys by where they work."""
    return {
        "Keys": keys(app.BINDINGS, app.keys) + keys(QueryList.BINDINGS, app.keys),
        f"In the panel {app.panel.title}": keys(app.panel.BINDINGS, app.keys),
        "In a matrix": keys(Matrix.BINDINGS, app.keys),
    }


def commands(app: DiagnosisApp) -> Iterator[SystemCommand]:
    """Every action of the panel in front and of the app."""
    places: list[tuple[str, Any, list[BindingType]]] = [
        (app.panel.title, app.panel, app.panel.BINDINGS),
        ("icldiag", app, app.BINDINGS),
    ]
    for place, target, bindings in places:
        for binding in in_force(bindings, app.keys):
            title = f"{place}: {binding.description}"
            yield SystemCommand(title, f"key {shown(binding)}", _runs(app, binding.action, target))


def _runs(app: DiagnosisApp, action: str, target: Any) -> Callable[[], Any]:
    async def run() -> None:
        await app.run_action(action, target)

    return run
