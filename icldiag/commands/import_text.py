"""`icldiag import text`: from a prompt as plain text, pasted or piped in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from icldiag.commands.options import Force, MoreLabels, Output, Yes, names, unescaped


def import_text(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="The text; '-' or nothing reads it from stdin.")
    ] = Path("-"),
    template: Annotated[str | None, typer.Option(help="Where the guess is wrong: with {text}, {label}, \\n.")] = None,
    separator: Annotated[str | None, typer.Option(help="Where the guess is wrong: between demonstrations.")] = None,
    labels: MoreLabels = None,
    output: Output = None,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Import a few-shot prompt that ends where the model should answer."""
    from icldiag.commands.prompt_output import output_prompt
    from icldiag.inputs.files import read_standard_input, read_text
    from icldiag.prompt import plain_text

    if str(file) in ("-", "/dev/stdin"):
        if sys.stdin.isatty():
            print("Paste the prompt, then press Ctrl-D on a line of its own:", file=sys.stderr)
        path, text = None, read_standard_input()
    else:
        path, text = file, read_text(file)
    found = plain_text.import_text(
        text,
        path,
        template=unescaped(template),
        separator=unescaped(separator),
        more_labels=names(labels),
    )
    output_prompt(found, plain_text.left_out(text, found), output, ask=not yes, force=force)
