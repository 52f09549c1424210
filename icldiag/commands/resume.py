"""`icldiag resume`: continue a session of the app that was left or cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from icldiag.commands.options import Ascii
from icldiag.streams import stop_echo

if TYPE_CHECKING:
    from icldiag.session_file import SavedSession, SessionFile

Which = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="Its id, how the id begins, or its number in the list.", show_default=False),
]
List = Annotated[bool, typer.Option("--list", help="List the saved sessions, the latest first, and exit.")]
All = Annotated[bool, typer.Option("--all", help="List every one of them.")]

_LISTED = 10  # of the latest, without --all


def resume(which: Which = None, list_only: List = False, every: All = False, ascii_only: Ascii = None) -> None:
    """Continue a session that was left or cut off."""
    from icldiag.session_file import SessionError, find_session, session_files

    files = session_files()
    if not files:
        raise SessionError("there is no saved session; icldiag saves one whenever it is open")
    if list_only or every or (which is None and len(files) > 1):
        _print_list(files, len(files) if every else _LISTED)
        return
    _go_on(find_session("1" if which is None else which), ascii_only)


def _go_on(file: SessionFile, ascii_only: bool | None) -> None:
    import sys

    stop_echo()
    from icldiag.session_file import SessionFile
    from icldiag.tui.autosave import Resumption
    from icldiag.tui.process import run_app

    session = file.read()
    if not _taken(file):
        file = SessionFile.new(session.prompt_file.stem)
        print("icldiag: that session is open elsewhere; going on with a copy of it", file=sys.stderr)
    raise typer.Exit(run_app(session.prompt_file, session.model, ascii_only, Resumption(session, file)))


def _taken(file: SessionFile) -> bool:
    try:
        return file.take()
    except OSError:  # a folder that cannot be written to: the app will say so when it saves
        return True


def _print_list(files: list[SessionFile], count: int) -> None:
    """A line for each, cut where the terminal is narrow; an ID begins with the prompt's name."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from icldiag.session_file import SessionError
    from icldiag.visible import visible

    table = Table(box=None, pad_edge=False, header_style="")
    for heading, widest in (("", None), ("ID", 30), ("saved", None)):
        table.add_column(heading, no_wrap=True, max_width=widest, overflow="ellipsis")
    for heading in ("model", "where it was"):  # what is cut first
        table.add_column(heading)
    for number, file in enumerate(files[:count], start=1):
        try:
            session = file.read()
            cells = [_ago(session), session.model.name, _where(session, file)]
        except SessionError:
            cells = ["broken", "", ""]
        cells = [str(number), file.id, *cells]
        table.add_row(*(Text(visible(cell), no_wrap=True, overflow="ellipsis") for cell in cells))
    Console(highlight=False).print(table)
    earlier = len(files) - count
    if earlier > 0:
        print(f"{earlier} earlier {'one' if earlier == 1 else 'ones'}: icldiag resume --all")
    print("icldiag resume ID continues one; its number is enough.")


def _where(session: SavedSession, file: SessionFile) -> str:
    now = session.now
    parts = [f"query {now.query + 1}", session.panel]
    if now.edits:
        parts.append(f"{now.edits} edits" if now.edits > 1 else "edited")
    if now.cut_layers:
        parts.append(f"cut {', '.join(map(str, now.cut_layers))}")
    if now.beta is not None:
        parts.append("re-weighted")
    if session.pinned is not None:
        parts.append("pinned")
    if session.against is not None and session.beside:
        parts.append(f"beside {session.against.name}")
    if file.is_open:
        parts.append("open now")
    return ", ".join(parts)


def _ago(session: SavedSession) -> str:
    from datetime import UTC, datetime

    seconds = (datetime.now(UTC) - session.saved).total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
