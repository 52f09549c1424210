"""Every action in words: the command palette and the help, all from the bindings in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from icldiag.tui.export_screen import FORMATS
from icldiag.tui.keys import in_force, key_list, key_text
from icldiag.tui.matrix import Matrix
from icldiag.tui.panels.base import Panel
from icldiag.tui.queries import QueryList

if TYPE_CHECKING:
    from icldiag.tui.layout import Layout


def help_sections(app: Layout) -> dict[str, list[tuple[str, str]]]:
    """Keys by where they work."""
    return {
        f"In the panel {app.panel.title}": key_list(app.panel.BINDINGS, app.keys),
        "Keys": key_list(_but_panels(app.BINDINGS), app.keys) + key_list(QueryList.BINDINGS, app.keys),
        "In a matrix": key_list(Matrix.BINDINGS, app.keys),
    }


def panel_rows(app: Layout) -> list[tuple[str, str]]:
    """Each panel with its key, and what it answers."""
    keys = {binding.action: key_text(binding) for binding in in_force(app.BINDINGS, app.keys)}
    return [(f"{keys[f'panel({panel.id!r})']} {panel.title}", panel.purpose) for panel in app.panels]


def _but_panels(bindings: list[BindingType]) -> list[BindingType]:
    return [one for one in bindings if not (isinstance(one, Binding) and one.action.startswith("panel("))]


def commands(app: Layout) -> Iterator[SystemCommand]:
    """Every action: of the panel in front, of the app, of the other panels; the settings, every format of an export."""
    front = app.panel
    yield from (_of_panel(app, front, binding) for binding in in_force(front.BINDINGS, app.keys))
    for binding in in_force(app.BINDINGS, app.keys):
        yield SystemCommand(f"icldiag: {binding.description}", _said(binding), _runs(app, binding.action, app))
    for panel in app.panels:
        if panel is not front:
            yield from (_of_panel(app, panel, binding) for binding in in_force(panel.BINDINGS, app.keys))
    title = "Settings (config): theme, colours, keys, ASCII, model"
    yield SystemCommand(title, "what is set, and where to change it", _runs(app, "settings", app))
    for name, what in FORMATS.items():
        yield SystemCommand(
            f"Export {what}",
            "the formats, the folder and what of the answers are asked for",
            _runs(app, f"export('{name}')", app),
        )


def _said(binding: Binding, where: str = "") -> str:
    key = f"key {key_text(binding)}{where}"
    return f"{binding.tooltip} ({key})" if binding.tooltip else key


def _of_panel(app: Layout, panel: Panel, binding: Binding) -> SystemCommand:
    """Brings the panel to the front, and does it there, or says that it would do nothing."""

    async def act() -> None:
        if binding.action in panel.idle():
            app.tell(f"{panel.title}: {binding.description} would do nothing now.")
        else:
            await app.run_action(binding.action, panel)

    async def run() -> None:
        if panel is not app.panel:
            await app.run_action(f"panel({panel.id!r})", app)
        app.call_after_refresh(act)  # when the panel knows what it shows

    where = "" if panel is app.panel else f" in {panel.title}"
    return SystemCommand(f"{panel.title}: {binding.description}", _said(binding, where), run)


def _runs(app: Layout, action: str, target: Any) -> Callable[[], Any]:
    async def run() -> None:
        await app.run_action(action, target)

    return run
