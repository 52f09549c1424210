"""`icldiag new`: a prompt file drawn from a data file of labelled texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.commands.options import Force, Output
from icldiag.errors import UsageError
from icldiag.prompt.importers.importer import FieldColumns, Split, TextColumn, columns, pair, parts, unescaped
from icldiag.quoting import shortened

_TEMPLATE = "With {text}, or other fields, and {label}; from the columns' names by default."
_WORDS = '0=negative,1="well, positive"'


def new(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV, TSV, JSONL, or a saved datasets folder.")],
    text: TextColumn = "text",
    field: FieldColumns = None,
    label: Annotated[str, typer.Option("--label", metavar="COLUMN", help="Its column of labels.")] = "label",
    split: Split = None,
    shots: Annotated[int, typer.Option(help="Demonstrations per class.", min=1)] = 1,
    queries: Annotated[int, typer.Option(help="Queries per class, at most.", min=1)] = 8,
    examples: Annotated[int, typer.Option(help="Further labelled examples per class, at most.", min=0)] = 20,
    seed: Annotated[int, typer.Option(help="Draws the texts.")] = 0,
    template: Annotated[str | None, typer.Option(help=_TEMPLATE)] = None,
    separator: Annotated[str | None, typer.Option(help="Between demonstrations; \\n is a line break.")] = None,
    instruction: Annotated[str | None, typer.Option(help="What the prompt begins with.")] = None,
    words: Annotated[str | None, typer.Option(help=f"Label words: {_WORDS}.")] = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Write a commented prompt file; no text is in two of its parts."""
    from icldiag.commands.prompt_output import output_prompt
    from icldiag.inputs.sources import sources
    from icldiag.prompt.draw import Drawing, draw_prompt
    from icldiag.prompt.tables import read_table

    pairs = []
    for part in parts(words):
        if (found := pair(part)) is None:
            raise UsageError(f"--words {shortened(part)}: write a label and its word, as in {_WORDS}")
        pairs.append(found)
    named = [name for name, _ in pairs]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--words names the label {twice!r:.80} twice; keep one")
    if field and text != "text":
        raise UsageError(f"--text {shortened(text)} would be ignored beside --field; name every column with --field")
    drawing = Drawing(
        text=text,
        label=label,
        fields=columns(field),
        shots=shots,
        queries=queries,
        examples=examples,
        seed=seed,
        template=unescaped(template),
        separator=unescaped(separator),
        instruction=unescaped(instruction),
        words=dict(pairs),
    )
    with sources() as read:
        drawn = draw_prompt(read_table(data, split), drawing, (output or data).stem)
    read.refuse(output)
    output_prompt(drawn.prompt, drawn.notes, output, ask=False, force=force, comments=drawn.comments)
