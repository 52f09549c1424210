"""A prompt file read and checked: every complaint names file, line and field."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from icldiag.arguments import checked
from icldiag.errors import PromptError
from icldiag.inputs.files import is_file, is_folder, open_file, with_cure
from icldiag.inputs.values import first_repeated
from icldiag.prompt.adjustments import Calibration, SavedBeta
from icldiag.prompt.calibration_fields import calibration_of
from icldiag.prompt.conversation import refuse_conversation
from icldiag.prompt.fields import (
    ExampleFields,
    FileFields,
    LabelledFields,
    LoggedFields,
    PromptFields,
    complaint,
    no_such_class,
    no_such_field,
    unknown_class,
)
from icldiag.prompt.importers import importer_of
from icldiag.prompt.logged import Logged
from icldiag.prompt.retrieval import Retrieval
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.source import Lines, Location, read_document
from icldiag.prompt.tables import KINDS, SUFFIXES, Table, read_table
from icldiag.prompt.template import NO_TEXTS, fields_of, in_braces, unfilled
from icldiag.prompt.template import complaint as wrong_template
from icldiag.prompt.wrong_turns import is_text, no_text_prompt, refuse_foreign, refuse_no_prompt
from icldiag.quoting import listed, quoted, shortened
from icldiag.samples import file_or_sample

Given = FileFields | Sequence[LabelledFields]  # what a prompt file says of a list of examples


@dataclass(frozen=True)
class Reader:
    """One file being read; turns every complaint into a PromptError with file, line and field.

    `within` is where a prompt stands in a file that holds more than one.
    """

    path: Path
    lines: Lines
    within: Location = ()
    notes: list[str] = dataclasses.field(default_factory=list)  # on its data files
    tables: dict[tuple[Path, str | None], Table] = dataclasses.field(default_factory=dict)  # that were read

    def error(self, message: str, *inside: str | int) -> PromptError:
        location = (*self.within, *inside)
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        return PromptError(message, path=self.path, line=self.lines.of(location), field=field or None)

    def fields(self, document: Any) -> PromptFields:
        refuse_conversation(document, self.path)
        if not isinstance(document, dict):
            raise self.error("a prompt file holds fields such as 'template', 'labels', 'demonstrations' and 'queries'")
        try:
            return PromptFields.model_validate(document)
        except ValidationError as error:
            reason, location = complaint(error, document)
            raise self.error(reason, *location) from None

    def labels(self, given: list[str] | dict[str, str], chat: bool) -> tuple[Label, ...]:
        space = "" if chat else " "  # an assistant's turn begins with the word itself
        written = given if isinstance(given, dict) else {name: space + name for name in given}
        if isinstance(given, list) and len(written) < len(given):
            twice = first_repeated(given) or 0
            raise self.error(f"the class {quoted(given[twice])} is listed twice; remove one", "labels", twice)
        if len(written) < 2:
            raise self.error("at least two classes are needed", "labels")
        words: dict[str, str] = {}
        for index, (name, word) in enumerate(written.items()):
            place = ("labels", name if isinstance(given, dict) else index)
            if not word.strip():
                raise self.error(f"the label word of {quoted(name)} is empty; write a word", *place)
            if word in words:
                both = f"{quoted(name)} and {quoted(words[word])}"
                raise self.error(f"{both} have the same label word {quoted(word)}; change one", *place)
            words[word] = name
        return tuple(Label(name, word) for name, word in written.items())

    def template(self, template: str, known: Collection[str] = ()) -> tuple[str, ...]:
        """The template's fields; `known` is what there are texts for."""
        fields = fields_of(template, known)
        if wrong := wrong_template(template, fields):
            raise self.error(wrong, "template")
        return fields

    def known(self, **given: Given) -> set[str]:
        """What the examples, or the columns of their files, have texts for; by the name of each part of the prompt."""
        found: set[str] = set()
        for location, part in given.items():
            if isinstance(part, FileFields):
                found.update(part.by_field, self._table(part, location).columns)
            else:
                found.update(*(row.by_field for row in part))
        return found

    def calibration(
        self, given: PromptFields, classes: dict[str, int], examples: Sequence[Example]
    ) -> Calibration | None:
        found = calibration_of(given.calibration, classes, self.error)
        if found is not None and found.asks_neighbours:
            self._require_neighbours(examples, "calibration")
        return found

    def retrieval(self, given: PromptFields, examples: Sequence[Example]) -> Retrieval | None:
        if given.retrieval is None:
            return None
        if given.chat:
            raise self.error("demonstrations are not chosen for each query of a chat; remove it", "retrieval")
        self._require_neighbours(examples, "retrieval")
        return Retrieval(given.retrieval.count, given.retrieval.by)

    def _require_neighbours(self, examples: Sequence[Example], field: str) -> None:
        """Raise PromptError: none can be found."""
        if all(example.label is None for example in examples):
            raise self.error("the examples nearest to a query are wanted, and 'examples' has no labelled text", field)

    def beta(self, given: str | None) -> SavedBeta | None:
        if given is None:
            return None
        path = self.path.parent / given
        try:
            return SavedBeta.at(path)
        except OSError as error:
            reason = f"{quoted(str(path))} cannot be read ({error.strerror}); the path is relative to the prompt file"
            raise self.error(reason, "beta") from None

    def examples(
        self, given: Given, classes: dict[str, int], template: str, fields: Sequence[str], *location: str | int
    ) -> tuple[Example, ...]:
        if isinstance(given, FileFields):
            return self._from_file(given, classes, template, fields, str(location[0]))
        found = []
        for index, row in enumerate(given):
            self._check_names(row.by_field, (*fields, *NO_TEXTS), *location, index)
            missing = next((name for name in fields if name not in row.by_field), None)
            if missing is not None:
                named = "" if missing == "text" else f"; the template names {in_braces([missing])}"
                raise self.error(f"this field is missing{named}", *location, index, missing)
            label = self._class(row.label, classes, *location, index, "label")
            shown: tuple[Example, ...] = ()
            if isinstance(row, ExampleFields) and row.demonstrations:
                inside = (*location, index, "demonstrations")
                shown = self.examples(row.demonstrations, classes, template, fields, *inside)
            found.append(Example.of({name: row.by_field[name] for name in fields}, label, row.id, shown))
        return tuple(found)

    def _check_names(self, given: Collection[str], known: Collection[str], *location: str | int) -> None:
        """Raise PromptError where a field is given that the template does not have."""
        further = next((name for name in given if name not in known), None)
        if further is not None:
            cure = f"write {in_braces([shortened(further)])} into the template where its text is to stand, or remove it"
            raise self.error(no_such_field(further, known, cure), *location, further)

    def _class(self, label: str | None, classes: dict[str, int], *location: str | int) -> int | None:
        if label is not None and label not in classes:
            raise self.error(no_such_class(label, classes), *location)
        return None if label is None else classes[label]

    def _table(self, given: FileFields, *location: str) -> Table:
        path = self.path.parent / given.file
        if (path, given.split) in self.tables:
            return self.tables[path, given.split]
        try:
            if not is_folder(path):
                open_file(path).close()
        except FileNotFoundError:
            reason = f"there is no file {quoted(str(path))}; the path is relative to the prompt file"
            raise self.error(reason, *location) from None
        except OSError as error:
            raise self.error(f"{quoted(given.file)} cannot be read: {with_cure(error)}", *location) from None
        if is_file(path) and path.suffix.lower() not in SUFFIXES:
            raise self.error(f"{quoted(given.file)} is not a data file of a known kind; use {KINDS}", *location)
        self.tables[path, given.split] = table = read_table(path, given.split)
        return table

    def _from_file(
        self, given: FileFields, classes: dict[str, int], template: str, fields: Sequence[str], *location: str
    ) -> tuple[Example, ...]:
        table = self._table(given, *location)
        self._check_names(given.by_field, (*fields, *FileFields.model_fields), *location)
        columns = {name: given.by_field.get(name, name) for name in fields}
        for field, column in (*columns.items(), ("label", given.label), ("id", given.id)):
            if column is not None and table.rows and column not in table.columns:
                told = f"{shortened(given.file)} has no column {quoted(column)}"
                raise self.error(f"{told}; it has {listed(table.columns)}", *location, field)
        table.refuse_named(template, fields)
        rows = []
        label_column, id_column = given.label or "label", given.id or "id"
        self.notes.extend(table.unread((*columns.values(), label_column, id_column)))
        for line, texts, label, name in table.examples(columns, label_column, id_column):
            if label is not None and label not in classes:
                raise unknown_class(label, classes, table.path, line, label_column)
            rows.append(Example.of(texts, None if label is None else classes[label], name))
        if given.limit is not None and given.limit < len(rows):
            drawn = rows if given.seed is None else random.Random(given.seed).sample(rows, given.limit)
            rows = drawn[: given.limit]
        return tuple(rows)


@checked
def read_prompt(path: Path | str) -> Prompt:
    """Read and validate a prompt file (YAML or JSON), or import the samples that lm-evaluation-harness logged.

    A bare name that is no file, such as "sentiment", is that of a sample which ships with icldiag.

    Raises:
        PromptError: the first thing that is wrong, with file, line, field and cure.
    """
    path = file_or_sample(Path(path))
    if (importer := importer_of(path)) is not None:
        return importer.read(path).prompt
    if path.suffix.lower() in SUFFIXES and is_file(path):
        raise PromptError("a data file is no prompt; make a prompt from it with 'icldiag new'", path=path)
    refuse_no_prompt(path)
    try:
        document, lines = read_document(path)
    except PromptError as error:
        raise (no_text_prompt(path) if is_text(path) and is_file(path) else error) from None
    if is_text(path) and not isinstance(document, dict):
        raise no_text_prompt(path)
    refuse_foreign(document, path)
    reader = Reader(path, lines)
    fields = reader.fields(document)
    parts = {"demonstrations": fields.demonstrations, "queries": fields.queries, "examples": fields.examples}
    known = reader.known(**parts) if unfilled(fields.template) else ()
    named = reader.template(fields.template, known)
    if fields.chat and "separator" in fields.model_fields_set:
        raise reader.error(
            "a chat prompt has no separator, as its chat template parts the turns; remove it", "separator"
        )
    labels = reader.labels(fields.labels, fields.chat)
    classes = {label.name: index for index, label in enumerate(labels)}
    demonstrations = reader.examples(fields.demonstrations, classes, fields.template, named, "demonstrations")
    if not demonstrations and isinstance(fields.demonstrations, FileFields):
        reason = "there are no rows in the file; write 'demonstrations: []' for a prompt without any"
        raise reader.error(reason, "demonstrations")
    for index, demonstration in enumerate(demonstrations):
        if demonstration.label is None:  # only a row of a file can lack it
            raise reader.error(f"row {index + 1} of the file has no label; a demonstration needs one", "demonstrations")
    queries = reader.examples(fields.queries, classes, fields.template, named, "queries")
    if not queries:
        raise reader.error("there are no queries; write at least one {text}", "queries")
    examples = reader.examples(fields.examples, classes, fields.template, named, "examples")
    return Prompt(
        name=fields.name or path.stem,
        template=fields.template,
        separator=fields.separator,
        labels=labels,
        demonstrations=demonstrations,
        queries=queries,
        examples=examples,
        instruction=fields.instruction,
        instruction_separator=fields.instruction_separator,
        scoring=fields.scoring,
        chat=fields.chat,
        anchor=fields.anchor,
        path=path,
        retrieval=reader.retrieval(fields, examples),
        calibration=reader.calibration(fields, classes, examples),
        beta=reader.beta(fields.beta),
        notes=tuple(dict.fromkeys(reader.notes)),
        logged=_logged(fields.logged),
        fields=named,
    )


def _logged(given: LoggedFields | None) -> Logged | None:
    return None if given is None else Logged(given.tool, given.model, tuple(given.answers.items()))
