"""A FewShotPromptTemplate that LangChain saved."""

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


def read(
    template: Annotated[Path, typer.Argument(metavar="FILE", help="What prompt.save wrote (JSON or YAML).")],
    query: QueryTexts = None,
    queries: QueryData = None,
    text: TextColumn = "text",
    field: FieldColumns = None,
    label: LabelColumn = None,
    id: IdColumn = None,
    split: Split = None,
    labels: MoreLabels = None,
) -> Import:
    """Import a FewShotPromptTemplate; it holds no queries, so give some."""
    from icldiag.prompt.langchain import read_few_shot

    found = read_few_shot(template)
    asked = Asked(query, queries, text, field, label, id, split)
    prompt, notes = asked.of(found.prompt([], names(labels)), "a LangChain template")
    return Import(prompt, (*found.notes, *notes))


IMPORTER = Importer(read)
