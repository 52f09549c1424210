"""What a person gives to be classified, as examples of a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from icldiag.arguments import holds_half_a_character
from icldiag.errors import AnalysisError, PromptError
from icldiag.inputs.values import first_repeated
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.template import in_braces
from icldiag.quoting import did_you_mean, listed, quoted

Texts = Iterable[str] | Iterable[Mapping[str, str]] | Mapping[str, Iterable[str]]  # or a data frame


def as_examples(given: Any, prompt: Prompt) -> list[Example]:
    """Texts, where the prompt has one field; else rows with a text for each field, or columns by the fields' names.

    Raises:
        AnalysisError: these are no such texts.
    """
    rows = _rows(given, prompt)
    found = []
    for place, row in enumerate(rows):
        texts = [row] if isinstance(row, str) else row.values() if isinstance(row, Mapping) else [row]
        for text in texts:
            if not isinstance(text, str):
                kind = "None" if text is None else type(text).__name__
                raise AnalysisError(f"text {place + 1} (index {place}) is no text but {kind}")
        if any(map(holds_half_a_character, texts)):
            raise AnalysisError(f"text {place + 1} (index {place}) holds half a character (a surrogate)")
        try:  # NumPy has a text of its own
            found.append(prompt.example(str(row) if isinstance(row, str) else {k: str(v) for k, v in row.items()}))
        except PromptError as error:
            raise AnalysisError(f"text {place + 1} (index {place}): {error.message}") from None
    return found


def _rows(given: Any, prompt: Prompt) -> list[Any]:
    columns = given if isinstance(given, Mapping) else None
    if hasattr(given, "columns") and hasattr(given, "shape"):  # a data frame of pandas or polars
        names = [str(name) for name in given.columns]
        if (twice := first_repeated(names)) is not None:
            raise AnalysisError(f"the column {quoted(names[twice])} is named twice; rename one")
        columns = {str(name): given[name] for name in given.columns}
    if columns is not None:
        missing = next((name for name in prompt.fields if name not in columns), None)
        if missing is not None:
            reason = f"there is no column {quoted(missing)} for the field {in_braces([missing])}"
            raise AnalysisError(f"{reason}; {did_you_mean(missing, columns)}there are {listed(columns)}")
        cells = [_column(columns, name) for name in prompt.fields]
        if len({len(column) for column in cells}) > 1:
            raise AnalysisError("the columns have not as many texts each")
        return [dict(zip(prompt.fields, row, strict=True)) for row in zip(*cells, strict=True)]
    rows = members(given)
    if rows is None:
        raise AnalysisError("give a list of texts, or a column of a data frame")
    return rows


def _column(columns: Mapping[str, Any], name: str) -> list[Any]:
    column = members(columns[name])
    if column is None:
        raise AnalysisError(f"the column {quoted(name)} is no list of texts")
    return column


def members(given: object) -> list[Any] | None:
    """What goes by its place, in a list; None where nothing does."""
    if isinstance(given, str | bytes | Set | Mapping) or not isinstance(given, Iterable):
        return None
    return list(given) if getattr(given, "ndim", 1) == 1 else None  # a data frame would give its columns' names
