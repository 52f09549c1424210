"""The user's settings written out, as `icldiag --print-config` and the palette show them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from textual.binding import Binding, BindingType
from textual.theme import BUILTIN_THEMES

from icldiag.config import Config
from icldiag.tui.keys import in_force
from icldiag.tui.matrix import Matrix
from icldiag.tui.panels import PANELS
from icldiag.tui.queries import QueryList


def bindings_beside(app: Sequence[BindingType]) -> list[Binding]:
    """The app's bindings, then those of the lists, then those of the panels."""
    groups = [app, QueryList.BINDINGS, Matrix.BINDINGS, *(panel.BINDINGS for panel in PANELS)]
    return [binding for group in groups for binding in group if isinstance(binding, Binding)]


def as_toml(config: Config, bindings: Sequence[Binding]) -> str:
    """The settings in force, every one of them, as a file that could be saved."""
    return "\n".join(_lines(config, bindings)) + "\n"


def _lines(config: Config, bindings: Sequence[Binding]) -> Iterator[str]:
    yield f"# One of {', '.join(BUILTIN_THEMES)}."
    yield f"theme = {json.dumps(config.theme)}"
    yield "# Draw with ASCII characters only; without this line where the locale is not UTF-8."
    yield "# ascii = true" if config.ascii is None else f"ascii = {json.dumps(config.ascii)}"
    yield ""
    yield "# Keys, with commas between those of one action."
    yield "[keys]"
    for binding in in_force(bindings, config.keys):
        yield f"{json.dumps(binding.id)} = {json.dumps(binding.key)}"
