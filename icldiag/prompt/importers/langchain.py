"""A FewShotPromptTemplate that LangChain saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.errors import IcldiagError
from icldiag.prompt.importers.importer import (
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
    query: Annotated[list[str] | None, typer.Option(help="A text to classify; repeatable.")] = None,
    queries: Annotated[Path | None, typer.Option(metavar="DATA", help="Texts to classify: a data file.")] = None,
    text: TextColumn = "text",
    label: LabelColumn = None,
    id: IdColumn = None,
    split: Split = None,
    labels: MoreLabels = None,
) -> Import:
    """Import a FewShotPromptTemplate; it holds no queries, so give some."""
    from icldiag.prompt.fields import unknown_class
    from icldiag.prompt.langchain import read_few_shot
    from icldiag.prompt.schema import Example
    from icldiag.prompt.tables import read_table

    found = read_few_shot(template)
    if not query and queries is None:
        raise IcldiagError("a LangChain template holds no queries; give some with --query TEXT or --queries DATA")
    classes = {name: index for index, name in enumerate(dict.fromkeys([*found.label_names, *names(labels)]))}
    asked = [Example(one, None) for one in query or ()]
    notes = [*found.notes]
    if queries is not None:
        table = read_table(queries, split)
        notes += table.unread((text, label or "label", id or "id"))
        for line, written, gold, name in table.labelled(text, label, id):
            if gold is not None and gold not in classes:
                raise unknown_class(gold, classes, queries, line, label or "label")
            asked.append(Example(written, None if gold is None else classes[gold], name))
    return Import(found.prompt(asked, names(labels)), tuple(notes))


IMPORTER = Importer(read)
