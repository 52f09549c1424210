"""A FewShotPromptTemplate that LangChain saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from icldiag.errors import IcldiagError
from icldiag.prompt.importers.importer import (
    FieldColumns,
    IdColumn,
    Import,
    Importer,
    LabelColumn,
    MoreLabels,
    Split,
    TextColumn,
    columns,
    names,
)
from icldiag.quoting import shortened

if TYPE_CHECKING:
    from icldiag.prompt.schema import Example, Prompt


_QUERY = "A text to classify; of several fields, a JSON object with a text for each. Repeatable."


def read(
    template: Annotated[Path, typer.Argument(metavar="FILE", help="What prompt.save wrote (JSON or YAML).")],
    query: Annotated[list[str] | None, typer.Option(help=_QUERY)] = None,
    queries: Annotated[Path | None, typer.Option(metavar="DATA", help="Texts to classify: a data file.")] = None,
    text: TextColumn = "text",
    field: FieldColumns = None,
    label: LabelColumn = None,
    id: IdColumn = None,
    split: Split = None,
    labels: MoreLabels = None,
) -> Import:
    """Import a FewShotPromptTemplate; it holds no queries, so give some."""
    from icldiag.prompt.fields import unknown_class
    from icldiag.prompt.langchain import read_few_shot
    from icldiag.prompt.table_stream import columns_of
    from icldiag.prompt.tables import read_table

    found = read_few_shot(template)
    if not query and queries is None:
        raise IcldiagError("a LangChain template holds no queries; give some with --query TEXT or --queries DATA")
    classes = {name: index for index, name in enumerate(dict.fromkeys([*found.label_names, *names(labels)]))}
    prompt = found.prompt([], names(labels))
    asked = [_asked(prompt, one) for one in query or ()]
    notes = [*found.notes]
    if queries is not None:
        table = read_table(queries, split)
        by_field = columns_of(prompt, text, columns(field))
        notes += table.unread((*by_field.values(), label or "label", id or "id"))
        for line, written, gold, name in table.labelled(by_field, label, id):
            if gold is not None and gold not in classes:
                raise unknown_class(gold, classes, queries, line, label or "label")
            asked.append(prompt.example(written, None if gold is None else classes[gold], name))
    return Import(prompt.with_queries(asked), tuple(notes))


def _asked(prompt: Prompt, given: str) -> Example:
    from icldiag.prompt.template import in_braces

    if len(prompt.fields) == 1:
        return prompt.example(given)
    try:
        texts = json.loads(given)
    except ValueError:
        texts = None
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        pattern = json.dumps(dict.fromkeys(prompt.fields, "..."))
        raise IcldiagError(
            f"--query {shortened(given)}: the template asks with {in_braces(prompt.fields)}; write {pattern}"
        )
    return prompt.example(texts)


IMPORTER = Importer(read)
