"""`icldiag import langchain`: from a FewShotPromptTemplate that LangChain saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.commands.options import Force, IdColumn, LabelColumn, MoreLabels, Output, Split, TextColumn, names
from icldiag.errors import IcldiagError


def import_langchain(
    template: Annotated[Path, typer.Argument(metavar="FILE", help="What prompt.save wrote (JSON or YAML).")],
    query: Annotated[list[str] | None, typer.Option(help="A text to classify; repeatable.")] = None,
    queries: Annotated[Path | None, typer.Option(metavar="DATA", help="Texts to classify: a data file.")] = None,
    text: TextColumn = "text",
    label: LabelColumn = None,
    id: IdColumn = None,
    split: Split = None,
    labels: MoreLabels = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Import a FewShotPromptTemplate; it holds no queries, so give some."""
    from icldiag.commands.prompt_output import output_prompt
    from icldiag.prompt.langchain import read_few_shot
    from icldiag.prompt.read import unknown_class
    from icldiag.prompt.schema import Example
    from icldiag.prompt.tables import read_table

    found = read_few_shot(template)
    if not query and queries is None:
        raise IcldiagError("a LangChain template holds no queries; give some with --query TEXT or --queries DATA")
    classes = {name: index for index, name in enumerate(dict.fromkeys([*found.label_names, *names(labels)]))}
    asked = [Example(one, None) for one in query or ()]
    told = [*found.notes]
    if queries is not None:
        table = read_table(queries, split)
        told += table.unread((text, label or "label", id or "id"))
        for line, written, gold, name in table.labelled(text, label, id):
            if gold is not None and gold not in classes:
                raise unknown_class(gold, classes, queries, line, label or "label")
            asked.append(Example(written, None if gold is None else classes[gold], name))
    output_prompt(found.prompt(asked, names(labels)), told, output, ask=False, force=force)
