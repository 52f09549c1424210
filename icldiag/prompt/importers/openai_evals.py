"""Samples of OpenAI's evals: JSONL with `input`, a list of messages, and `ideal`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names


def read(
    samples: Annotated[Path, typer.Argument(metavar="SAMPLES", help="JSONL with 'input' and 'ideal'.")],
    labels: MoreLabels = None,
) -> Import:
    """Import samples whose messages show examples as turns, as a prompt with 'chat: true'."""
    from icldiag.inputs.files import read_text
    from icldiag.prompt.chats import read_chats
    from icldiag.prompt.importers.messages import as_import

    return as_import(read_chats(read_text(samples), samples, names(labels)))


IMPORTER = Importer(read, guesses=True, in_turns=True)
