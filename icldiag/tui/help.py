"""What the help and the glossary say: the bindings in force, and the terms of the screen they are opened over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text
from textual.binding import Binding

from icldiag.config import config_path
from icldiag.glossary import terms_in
from icldiag.render.look import Look
from icldiag.tui.panels.base import Panel
from icldiag.tui.sheet import Rows, table
from icldiag.visible import visible

_SIGNS = [
    ("x", "a wrong answer"),
    (
        "+ - ~",
        "after a query's number: another answer than before what was changed, right by now, wrong by now, neither",
    ),
    (">", "predicted"),
    ("*", "gold"),
    ("@", "in a matrix, the answer and its rival"),
    ("[word]", "a label word, an anchor"),
]


def help_page(sections: Mapping[str, Rows], panels: Rows) -> list[RenderableType]:
    """All keys of the app and of the panel in front, and what each panel answers, with its key."""
    return [
        *(table(title, keys) for title, keys in sections.items()),
        table("Panels", panels),
        table("Signs", _SIGNS),
    ]


def settings_page(settings: str, model: str) -> list[RenderableType]:
    """Where the settings can be changed, and what `icldiag --print-config` prints."""
    path = config_path()
    there = (
        "" if path.exists() else "; it is not there yet, and icldiag --print-config > FILE writes all that can be set"
    )
    where = [
        ("file", f"{visible(str(path))}{there}. It is read when icldiag starts."),
        ("ICLDIAG_CONFIG", "in the environment: another such file"),
        ("ICLDIAG_STATE", "another folder for sessions"),
        ("ICLDIAG_CACHE", "another folder for results and converted models"),
        ("NO_COLOR", "set to anything: no colours"),
        ("LC_ALL=C, --ascii", "ASCII characters only"),
        ("Theme", "in the palette: other colours until you quit; theme in the file keeps them"),
        ("--model", f"of the command that opened the app: the model, here {visible(model)}"),
    ]
    return [table("Where to change settings", where, 18), Text(f"# {visible(str(path))}\n{settings}")]


def changes_text(lines: Sequence[str], look: Look) -> Text:
    """A unified diff; what was taken out and what came has its sign in front and a colour."""
    styles = {"+": look.right, "-": look.wrong, "@": look.muted}
    return Text("\n").join(Text(visible(line, look.ascii_only), styles.get(line[:1], "")) for line in lines)


def glossary_page(panel: Panel) -> list[RenderableType]:
    """A sentence for each term that the panel shows, in view or not, or that says what it and its keys do."""
    keys = "; ".join(binding.description for binding in panel.BINDINGS if isinstance(binding, Binding))
    terms = terms_in(f"{panel.purpose}\n{keys}\n{panel.plain_text()}")
    rows = [(term.name, term.meaning.replace("`", "")) for term in terms]  # which marks code in the docs
    return [table(f"Terms in panel {panel.title}", rows, 18), "All terms: icldiag docs glossary"]
