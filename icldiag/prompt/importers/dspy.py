"""A program that DSPy saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.asked import Asked, QueryData, QueryTexts
from icldiag.prompt.importers.importer import (
    FieldColumns,
    IdColumn,
    Import,
    Importer,
    LabelColumn,
    MoreLabels,
    Split,
    TextColumn,
    names,
)

_TOLD = (
    "DSPy sends the demonstrations as turns of a chat after a system message that lists the fields' types, which the "
    "file does not hold; here they are one text with ChatAdapter's signs around the fields, the last of them the label"
)


def read(
    program: Annotated[Path, typer.Argument(metavar="FILE", help='What program.save("x.json") wrote.')],
    predictor: Annotated[str | None, typer.Option(help="Which, where several have demonstrations.")] = None,
    query: QueryTexts = None,
    queries: QueryData = None,
    text: TextColumn = "text",
    field: FieldColumns = None,
    label: LabelColumn = None,
    id: IdColumn = None,
    split: Split = None,
    labels: MoreLabels = None,
) -> Import:
    """Import a predictor's demonstrations; the file holds no queries, so give some."""
    from icldiag.prompt.dspy_program import read_program
    from icldiag.quoting import listed

    found = read_program(program, predictor)
    asked = Asked(query, queries, text, field, label, id, split)
    prompt, notes = asked.of(found.prompt(names(labels)), "a saved program")
    told = f"not read: {listed(map(repr, found.unread))} of the demonstrations, which the signature does not name"
    return Import(prompt, (_TOLD, *((told,) if found.unread else ()), *notes), guessed=True)


IMPORTER = Importer(read, guesses=True)
