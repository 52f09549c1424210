"""A prompt as plain text, pasted or piped in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names, unescaped


def read(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="The text; '-' or nothing reads it from stdin.")
    ] = Path("-"),
    template: Annotated[str | None, typer.Option(help="Where the guess is wrong: with {text}, {label}, \\n.")] = None,
    separator: Annotated[str | None, typer.Option(help="Where the guess is wrong: between demonstrations.")] = None,
    labels: MoreLabels = None,
) -> Import:
    """Import a few-shot prompt that ends where the model should answer."""
    from icldiag.inputs.files import read_standard_input, read_text
    from icldiag.prompt.plain_text import import_text, left_out

    if str(file) in ("-", "/dev/stdin"):
        if sys.stdin.isatty():
            print("Paste the prompt, then press Ctrl-D on a line of its own:", file=sys.stderr)
        path, text = None, read_standard_input()
    else:
        path, text = file, read_text(file)
    from icldiag.prompt.conversation import is_written_conversation
    from icldiag.prompt.turns import is_written

    if template is None and separator is None and (is_written_conversation(text) or is_written(text)):
        from icldiag.prompt.chats import read_chats
        from icldiag.prompt.importers.messages import as_import

        return as_import(read_chats(text, path, names(labels)))
    prompt = import_text(
        text, path, template=unescaped(template), separator=unescaped(separator), more_labels=names(labels)
    )
    return Import(prompt, tuple(left_out(text, prompt)), guessed=True)


IMPORTER = Importer(read, guesses=True, in_turns=True)
