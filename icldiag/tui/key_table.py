"""Every key and where it works: the page docs/keys.md and the test that no key means two things."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from textual.binding import Binding, BindingType

from icldiag.tui.keys import in_force, key_text, meaning

_HEAD = """\
# Keys

Made by `python tools/pages.py` from the bindings. The last column is an action's name in the settings file, where it
can be given another key (`icldiag --print-config` writes one); what has no name has a fixed key. The palette (`ctrl+p`)
and the help (`?`) have the same actions under your own keys.

A key of the first table means the same in every panel.
"""


def places() -> dict[str, list[Binding]]:
    """The bindings by where they work: everywhere, in lists, in each panel, in what covers the screen."""
    from icldiag.tui.app import DiagnosisApp
    from icldiag.tui.matrix import Matrix
    from icldiag.tui.panels import PANELS
    from icldiag.tui.queries import QueryList

    groups: dict[str, list[BindingType]] = {
        "Everywhere": DiagnosisApp.BINDINGS,
        "In the list of queries": QueryList.BINDINGS,
        "In a matrix": Matrix.BINDINGS,
        **{f"Panel {panel.title}": panel.BINDINGS for panel in PANELS},
        **dict(questions()),
    }
    return {place: in_force(bindings, {}) for place, bindings in groups.items()}


def questions() -> Iterator[tuple[str, list[BindingType]]]:
    """What covers the screen and takes all keys while it is there."""
    from icldiag.tui.ask import AskScreen
    from icldiag.tui.export import QuitScreen
    from icldiag.tui.export_screen import ExportScreen
    from icldiag.tui.jobs_screen import JobsScreen
    from icldiag.tui.sheet import Sheet
    from icldiag.tui.texts import TextsScreen
    from icldiag.tui.unsaved_screen import UnsavedScreen

    yield "In the help, the glossary and the changes", Sheet.BINDINGS
    yield "In the list of jobs", JobsScreen.BINDINGS
    yield "In a line to type", AskScreen.BINDINGS
    yield "In several lines to type", TextsScreen.BINDINGS
    yield "In the export dialog", ExportScreen.BINDINGS
    yield "When quitting while an export runs", QuitScreen.BINDINGS
    yield "When quitting with changes that cannot be saved", UnsavedScreen.BINDINGS


def collisions() -> list[str]:
    """Keys that mean something else in a panel or a list than everywhere, and keys with two actions in one place.

    A panel may say more of what the same action does there: "stop", and "stop, keep the best so far".
    """
    named = places()
    everywhere = {one.key: one.description for binding in named["Everywhere"] for one in _each(binding)}
    covering = dict(questions())
    wrong = []
    for place, bindings in named.items():
        here: dict[str, str] = {}
        for one in chain.from_iterable(map(_each, bindings)):
            if one.key in here:
                wrong.append(f"{place}: {one.key} is {here[one.key]!r} and {one.description!r}")
            here[one.key] = one.description
            known = everywhere.get(one.key)
            if place not in covering and known is not None and one.description.split(",")[0] != known:
                wrong.append(f"{place}: {one.key} is {one.description!r}, everywhere {known!r}")
    return wrong


def _each(binding: Binding) -> list[Binding]:
    return list(Binding.make_bindings([binding]))


def as_markdown() -> str:
    """The page."""
    lines = [_HEAD]
    for place, bindings in places().items():
        if bindings:
            lines += [f"## {place}", "", "| key | what it does | name |", "| --- | --- | --- |"]
            lines += [f"| {_code(binding)} | {meaning(binding)} | {binding.id or ''} |" for binding in bindings]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _code(binding: Binding) -> str:
    return " ".join(f"`{key}`" for key in key_text(binding).split())
