"""What is asked of a prompt whose file holds no queries: texts of the command line, or of a data file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from icldiag.errors import UsageError
from icldiag.prompt.importers.importer import columns
from icldiag.quoting import shortened

if TYPE_CHECKING:
    from icldiag.prompt.schema import Example, Prompt

_QUERY = "A text to classify; of several fields, a JSON object with a text for each. Repeatable."
QueryTexts = Annotated[list[str] | None, typer.Option("--query", help=_QUERY)]
QueryData = Annotated[Path | None, typer.Option("--queries", metavar="DATA", help="Texts to classify: a data file.")]


@dataclass(frozen=True)
class Asked:
    """The options, as typer reads them."""

    texts: Sequence[str] | None
    data: Path | None
    text: str
    field: list[str] | None
    label: str | None
    id: str | None
    split: str | None

    def of(self, prompt: Prompt, what: str) -> tuple[Prompt, list[str]]:
        """The prompt with these queries, and notes. Raises IcldiagError: there are none, or some do not fit."""
        from icldiag.prompt.fields import unknown_class
        from icldiag.prompt.table_stream import columns_of
        from icldiag.prompt.tables import read_table

        if not self.texts and self.data is None:
            raise UsageError(f"{what} holds no queries; give some with --query TEXT or --queries DATA")
        classes = {name: index for index, name in enumerate(prompt.label_names)}
        queries = [_asked(prompt, one) for one in self.texts or ()]
        notes: list[str] = []
        if self.data is not None:
            table = read_table(self.data, self.split)
            by_field = columns_of(prompt, self.text, columns(self.field))
            notes += table.unread((*by_field.values(), self.label or "label", self.id or "id"))
            for line, written, gold, name in table.labelled(by_field, self.label, self.id):
                if gold is not None and gold not in classes:
                    raise unknown_class(gold, classes, self.data, line, self.label or "label")
                queries.append(prompt.example(written, None if gold is None else classes[gold], name))
        return prompt.with_queries(queries), notes


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
        raise UsageError(
            f"--query {shortened(given)}: the template asks with {in_braces(prompt.fields)}; write {pattern}"
        )
    return prompt.example(texts)
