"""Results of promptfoo, or its configuration."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names

_TOLD = "promptfoo's chat providers send such a text as one turn of the user; icldiag asks it as plain text"


def read(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="Of 'promptfoo eval -o', or promptfooconfig.yaml."),
    ],
    prompt: Annotated[str | None, typer.Option(help="The label of the prompt, where there are several.")] = None,
    labels: MoreLabels = None,
) -> Import:
    """Import the prompts as promptfoo sends them, messages or text, from its results or its configuration."""
    from icldiag.prompt.importers.messages import as_import
    from icldiag.prompt.promptfoo import read_results

    sent = read_results(results, prompt, names(labels))
    found = as_import(sent.chats) if sent.chats else Import(sent.prompt, (_TOLD, *sent.notes), guessed=True)
    return replace(found, logged=sent.logged)


def recognises(path: Path) -> bool:
    """Whether it is named as configurations are, or begins as results do."""
    from icldiag.errors import IcldiagError
    from icldiag.inputs.files import is_file, read_start

    if not is_file(path):
        return False
    if path.stem == "promptfooconfig":
        return True
    try:
        start = read_start(path, 1 << 10).decode("utf-8-sig", errors="replace")
    except (IcldiagError, OSError):  # it is told as what it is, where it is read
        return False
    return re.match(r'\s*{\s*"evalId"\s*:', start) is not None


IMPORTER = Importer(read, guesses=True, in_turns=True, recognises=recognises)
