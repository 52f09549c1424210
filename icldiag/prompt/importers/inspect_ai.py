"""A log of inspect_ai."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names


def read(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A .eval or .json log.")],
    labels: MoreLabels = None,
) -> Import:
    """Import samples whose solver showed examples as turns, as a prompt with 'chat: true'."""
    from icldiag.prompt.chats import as_chats
    from icldiag.prompt.importers.messages import as_import
    from icldiag.prompt.inspect_log import read_answers, read_samples

    return replace(as_import(as_chats(read_samples(log), log, names(labels))), logged=read_answers(log))


def recognises(path: Path) -> bool:
    from icldiag.inputs.files import is_file
    from icldiag.prompt.inspect_log import is_archive

    return is_archive(path) and is_file(path)


IMPORTER = Importer(read, guesses=True, recognises=recognises, in_turns=True)
