"""Key x: what of the answers is exported, in which formats, with the prompt's texts or without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from icldiag.errors import IcldiagError
from icldiag.files import check_destination
from icldiag.tui.saving import typed_path
from icldiag.visible import visible

Scope = Literal["panel", "query", "computed", "everything"]

#: What can be exported, and how the dialog says it; `{panel}` and `{query}` are those in front.
SCOPES: dict[Scope, str] = {
    "computed": "everything computed so far",
    "panel": "this panel ({panel}), computed if missing",
    "query": "query {query}: answer, Why and Flow, computed if missing",
    "everything": "every analysis, computed if missing, for minutes",
}

#: Everything that `icldiag report --format` writes, in words.
FORMATS = {
    "html": "the report as an HTML page",
    "md": "the report as Markdown",
    "text": "the report as plain text",
    "latex": "every table as LaTeX",
    "json": "every number as JSON",
    "csv": "every table as CSV",
    "svg": "figures as SVG",
    "png": "figures as PNG",
    "pdf": "figures as PDF",
}
QUERY_SECTIONS = ("prediction", "explanation", "saliency")  # of the scope of one query
_ROOTS = {"slash": "/", "tilde": "~", "full_stop": "."}  # what the name of a folder may begin with
_REDACT = "redact"
_TITLE = "Export to this folder, made if new (tab / ~ . go to it)"
_KEYS = "j k move   space chooses   enter exports   escape leaves"


@dataclass(frozen=True)
class ExportChoice:
    """What is written, and into which folder (None: the working directory). `redact` leaves the prompt's texts out."""

    scope: Scope = "computed"
    formats: tuple[str, ...] = ("html", "md", "json")
    redact: bool = False
    folder: Path | None = None

    def toggled(self, row: str) -> ExportChoice:
        """With another scope, or a format or the texts in or out."""
        for scope in SCOPES:
            if row == scope:
                return replace(self, scope=scope)
        if row == _REDACT:
            return replace(self, redact=not self.redact)
        return replace(self, formats=tuple(name for name in FORMATS if (name in self.formats) != (name == row)))


@dataclass(frozen=True)
class Content:
    """What of a session is exported."""

    scope: Scope
    analysis: str  # of the panel
    query: int
    redact: bool = False

    @property
    def sections(self) -> Sequence[str] | None:
        """Those that are asked for by name; None for all."""
        return {"panel": (self.analysis,), "query": QUERY_SECTIONS}.get(self.scope)


class ExportScreen(ModalScreen[ExportChoice | None]):
    """Dismissed with the choice, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "choose the marked row"),
        Binding("enter,x", "start", "export"),
        Binding("j", "move(1)", "down"),
        Binding("k", "move(-1)", "up"),
        *(Binding(key, f"path({sign!r})", f"type a folder from {sign}") for key, sign in _ROOTS.items()),
        Binding("escape,q", "leave", "leave"),
    ]

    def __init__(self, choice: ExportChoice, panel: str, query: int) -> None:
        """`query` counts from 1."""
        super().__init__()
        self.choice, self.panel_name, self.query_number = choice, panel, query

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(_TITLE, classes="title", markup=False)
            yield Input(str(self.choice.folder or Path.cwd()), id="folder", select_on_focus=False, compact=True)
            yield OptionList(
                *(Option(text, id=row) for row, text in self.rows()), id="export", markup=False, compact=True
            )
            yield Static(_KEYS, id="export-keys", markup=False)

    def on_mount(self) -> None:
        listing = self.query_one(OptionList)
        listing.highlighted = listing.get_option_index(self.choice.scope)
        listing.focus()
        self.query_one(Input).cursor_blink = False

    def rows(self) -> Iterator[tuple[str, str]]:
        """Their ids, and their texts with a sign before what is chosen."""
        for scope, text in SCOPES.items():
            sign = "(o)" if scope == self.choice.scope else "( )"
            yield scope, f"{sign} {text.format(panel=self.panel_name, query=self.query_number)}"
        for name, text in FORMATS.items():
            yield name, f"{_box(name in self.choice.formats)} {name:<6}{text}"
        yield _REDACT, f"{_box(self.choice.redact)} redacted: label names, ids and numbers, no texts"

    def action_move(self, step: int) -> None:
        listing = self.query_one(OptionList)
        listing.action_cursor_down() if step > 0 else listing.action_cursor_up()

    def action_path(self, start: str) -> None:
        """Another folder is typed from its first sign on, though the list has the keys."""
        line = self.query_one(Input)
        line.value, line.cursor_position = start, len(start)
        line.focus()

    def action_choose(self) -> None:
        listing = self.query_one(OptionList)
        option = listing.highlighted_option
        if option is not None and option.id is not None:
            self.choice = self.choice.toggled(option.id)
            for row, text in self.rows():
                listing.replace_option_prompt(row, text)

    def action_start(self) -> None:
        """Where there is something to be written and a place for it; else it is said, and what was typed stays."""
        folder = typed_path(self.query_one(Input).value)
        why = "" if self.choice.formats else "Choose a format with space; escape leaves."
        try:
            check_destination(folder, folder=True)
        except IcldiagError as error:
            why = why or f"{visible(str(error))}."
        if why:
            self.query_one("#export-keys", Static).update(f"{why}\n{_KEYS}")
        else:
            target = Path.cwd() / folder
            self.dismiss(replace(self.choice, folder=None if target == Path.cwd() else target))

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.action_start()

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.action_start()


def _box(chosen: bool) -> str:
    return "[x]" if chosen else "[ ]"
