"""Results of promptfoo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names

_TOLD = "promptfoo's chat providers send such a text as one turn of the user; icldiag asks it as plain text"


def read(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="What 'promptfoo eval -o results.json' wrote.")],
    prompt: Annotated[str | None, typer.Option(help="The label of the prompt, where there are several.")] = None,
    labels: MoreLabels = None,
) -> Import:
    """Import the prompts as promptfoo sent them: messages, or text that shows examples."""
    from icldiag.prompt.importers.messages import as_import
    from icldiag.prompt.promptfoo import read_results

    sent = read_results(results, prompt, names(labels))
    return as_import(sent.chats) if sent.chats else Import(sent.prompt, (_TOLD, *sent.notes), guessed=True)


IMPORTER = Importer(read, guesses=True, in_turns=True)
