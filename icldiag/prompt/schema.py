"""The prompt file: its fields, their checks, and `Prompt`, the validated value that everything else reads."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from icldiag.errors import PromptError
from icldiag.prompt.adjustments import KINDS, Calibration, CalibrationKind, SavedBeta
from icldiag.prompt.source import Location, line_of, read_document, read_rows

Scoring = Literal["first", "whole"]
Anchor = Literal["first", "last", "all"]  # which tokens of a label word

TEXT, LABEL = "{text}", "{label}"


@dataclass(frozen=True)
class Label:
    """A class: its name, and the label word exactly as it is written in the prompt, leading space included."""

    name: str
    word: str


@dataclass(frozen=True)
class Example:
    """A text with the index of its class in `Prompt.labels`, or None where the label is unknown."""

    text: str
    label: int | None


@dataclass(frozen=True)
class Prompt:
    """A few-shot classification prompt. `labels` gives the class order for every result."""

    name: str
    template: str
    separator: str
    labels: tuple[Label, ...]
    demonstrations: tuple[Example, ...]
    queries: tuple[Example, ...]
    examples: tuple[Example, ...] = ()
    instruction: str | None = None
    scoring: Scoring = "first"
    anchor: Anchor = "last"
    path: Path | None = None
    calibration: Calibration | None = None
    beta: SavedBeta | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @cached_property
    def template_pieces(self) -> tuple[str, str, str]:
        """The template's own text before the example's text, between text and label, and after the label."""
        before, rest = self.template.split(TEXT, 1)
        between, after = rest.split(LABEL, 1)
        return before, between, after

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything but paths and the name: equal prompts give equal results."""
        content = asdict(replace(self, path=None, name="", beta=None))
        content["beta"] = self.beta and self.beta.sha256
        for field in ("calibration", "beta"):  # without them a prompt has the hash that it always had
            if content[field] is None:
                del content[field]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def with_queries(self, queries: Sequence[Example]) -> Prompt:
        return replace(self, queries=tuple(queries))


# ---- the file's own shape -------------------------------------------------------------------------------------------

_STRICT = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class _ExampleFields(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)
    text: str
    label: str | None = None


class _DemonstrationFields(BaseModel):
    model_config = _STRICT
    text: str
    label: str


class _FileFields(BaseModel):
    model_config = _STRICT
    file: str
    limit: int | None = Field(default=None, ge=1)
    seed: int | None = None


class _CalibrationFields(BaseModel):
    model_config = _STRICT
    kind: CalibrationKind
    probabilities: dict[str, float]


class _PromptFields(BaseModel):
    model_config = _STRICT
    name: str | None = None
    template: str
    separator: str = "\n"
    labels: list[str] | dict[str, str]
    demonstrations: list[_DemonstrationFields]
    queries: _FileFields | list[_ExampleFields]
    examples: _FileFields | list[_ExampleFields] = []
    instruction: str | None = None
    scoring: Scoring = "first"
    calibration: _CalibrationFields | None = None
    beta: str | None = None
    anchor: Anchor = "last"


_REASONS = {
    "missing": "this field is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "expected text",
    "list_type": "expected a list",
    "greater_than_equal": "must be at least 1",
    "int_parsing": "expected a whole number",
    "float_parsing": "expected a number",
    "dict_type": "expected a mapping from class name to number",
}


@dataclass(frozen=True)
class _Reader:
    """One prompt file being read; turns every complaint into a PromptError with file, line and field."""

    path: Path
    lines: dict[Location, int]

    def error(self, message: str, *location: str | int) -> PromptError:
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        return PromptError(message, path=self.path, line=line_of(self.lines, location), field=field or None)

    def fields(self, document: Any) -> _PromptFields:
        if not isinstance(document, dict):
            raise self.error("a prompt file holds fields such as 'template', 'labels', 'demonstrations' and 'queries'")
        if "demonstrations" in document and not isinstance(document["demonstrations"], list):
            raise self.error("expected a list of {text, label}", "demonstrations")
        try:
            return _PromptFields.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            # pydantic names the member of a union inside the location: the user's file knows no such key
            location = tuple(p for p in first["loc"] if not (isinstance(p, str) and ("[" in p or p.startswith("_"))))
            if location[:1] == ("labels",):
                location = tuple(p for p in location if p not in ("list", "dict"))
            reason = _REASONS.get(first["type"], first["msg"])
            if first["type"] == "literal_error":
                reason = f"must be {first['ctx']['expected']}"
            elif location == ("calibration",) and first["type"] != "missing":
                reason = f"expected {{kind: {' or '.join(KINDS)}, probabilities: {{class: number, ...}}}}"
            elif first["type"] == "extra_forbidden":
                reason += _suggestion(str(location[-1]), _PromptFields.model_fields if len(location) == 1 else ())
            elif location[:1] == ("labels",):
                reason = "expected a list of class names, or a mapping from class name to label word"
            elif location[:1] in (("queries",), ("examples",)) and len(location) == 1 and first["type"] != "missing":
                reason = "expected a list of {text, label} or {file: ...}"
            raise self.error(reason, *location) from None

    def labels(self, fields: _PromptFields) -> tuple[Label, ...]:
        written = fields.labels if isinstance(fields.labels, dict) else {name: f" {name}" for name in fields.labels}
        if isinstance(fields.labels, list) and len(written) < len(fields.labels):
            twice = next(i for i, name in enumerate(fields.labels) if name in fields.labels[:i])
            raise self.error(f"the class {fields.labels[twice]!r} is listed twice; remove one", "labels", twice)
        if len(written) < 2:
            raise self.error("at least two classes are needed", "labels")
        words: dict[str, str] = {}
        for index, (name, word) in enumerate(written.items()):
            place = ("labels", name if isinstance(fields.labels, dict) else index)
            if not word.strip():
                raise self.error(f"the label word of {name!r} is empty; write a word", *place)
            if word in words:
                raise self.error(f"{name!r} and {words[word]!r} have the same label word {word!r}; change one", *place)
            words[word] = name
        return tuple(Label(name, word) for name, word in written.items())

    def template(self, template: str) -> None:
        for part in (TEXT, LABEL):
            if template.count(part) != 1:
                count = "does not hold" if part not in template else "holds more than once"
                raise self.error(f"the template {count} {part}; write it exactly once", "template")
        if template.index(LABEL) < template.index(TEXT):
            raise self.error("{text} must come before {label}: the query is the template up to {label}", "template")

    def calibration(self, given: _CalibrationFields | None, classes: dict[str, int]) -> Calibration | None:
        if given is None:
            return None
        place = ("calibration", "probabilities")
        for name, value in given.probabilities.items():
            if name not in classes:
                raise self.error(_unknown_class(name, classes), *place, name)
            if not 0 < value <= 1:  # not true of NaN either
                raise self.error(
                    f"{value:g} is no probability to divide by; write a number above 0, up to 1", *place, name
                )
        missing = [name for name in classes if name not in given.probabilities]
        if missing:
            raise self.error(f"there is no number for the class {missing[0]!r}; write one for each class", *place)
        total = math.fsum(given.probabilities.values())
        if not math.isclose(total, 1, abs_tol=0.01):
            raise self.error(f"the numbers sum to {total:.3g}; probabilities of all classes sum to 1", *place)
        return Calibration(given.kind, tuple(given.probabilities[name] for name in classes))

    def beta(self, given: str | None) -> SavedBeta | None:
        if given is None:
            return None
        path = self.path.parent / given
        try:
            return SavedBeta.at(path)
        except OSError as error:
            reason = f"{str(path)!r} cannot be read ({error.strerror}); the path is relative to the prompt file"
            raise self.error(reason, "beta") from None

    def examples(
        self, given: _FileFields | list[_ExampleFields], classes: dict[str, int], *location: str
    ) -> tuple[Example, ...]:
        if isinstance(given, _FileFields):
            return self._from_file(given, classes, *location)
        found = []
        for index, row in enumerate(given):
            found.append(Example(row.text, self._class(row.label, classes, *location, index, "label")))
        return tuple(found)

    def _class(self, label: str | None, classes: dict[str, int], *location: str | int) -> int | None:
        if label is not None and label not in classes:
            raise self.error(_unknown_class(label, classes), *location)
        return None if label is None else classes[label]

    def _from_file(self, given: _FileFields, classes: dict[str, int], *location: str) -> tuple[Example, ...]:
        path = self.path.parent / given.file
        if not path.is_file():
            raise self.error(f"there is no file {str(path)!r}; the path is relative to the prompt file", *location)
        if path.suffix.lower() not in (".jsonl", ".ndjson"):
            raise self.error(f"{given.file!r} is not a .jsonl file with one object a line", *location)
        rows = []
        for line, row in read_rows(path):
            try:
                fields = _ExampleFields.model_validate(row)
            except ValidationError as error:
                first = error.errors()[0]
                reason = _REASONS.get(first["type"], first["msg"])
                raise PromptError(reason, path=path, line=line, field=str(first["loc"][0])) from None
            if fields.label is not None and fields.label not in classes:
                raise PromptError(_unknown_class(fields.label, classes), path=path, line=line, field="label")
            rows.append(Example(fields.text, None if fields.label is None else classes[fields.label]))
        if given.limit is not None and given.limit < len(rows):
            drawn = rows if given.seed is None else random.Random(given.seed).sample(rows, given.limit)
            rows = drawn[: given.limit]
        return tuple(rows)


def _suggestion(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _unknown_class(label: str, classes: dict[str, int]) -> str:
    known = ", ".join(list(classes)[:8]) + (", ..." if len(classes) > 8 else "")
    return f"there is no class {label!r} in 'labels' ({known})" + (
        _suggestion(label, classes) or "; add it there or correct it here"
    )


def read_prompt(path: Path | str) -> Prompt:
    """Read and validate a prompt file (YAML or JSON).

    Raises:
        PromptError: the first thing that is wrong, with file, line, field and cure.
    """
    path = Path(path)
    document, lines = read_document(path)
    reader = _Reader(path, lines)
    fields = reader.fields(document)
    reader.template(fields.template)
    labels = reader.labels(fields)
    classes = {label.name: index for index, label in enumerate(labels)}
    if not fields.demonstrations:
        raise reader.error("there are no demonstrations; write at least one {text, label}", "demonstrations")
    demonstrations = reader.examples(
        [_ExampleFields(text=row.text, label=row.label) for row in fields.demonstrations], classes, "demonstrations"
    )
    queries = reader.examples(fields.queries, classes, "queries")
    if not queries:
        raise reader.error("there are no queries; write at least one {text}", "queries")
    return Prompt(
        name=fields.name or path.stem,
        template=fields.template,
        separator=fields.separator,
        labels=labels,
        demonstrations=demonstrations,
        queries=queries,
        examples=reader.examples(fields.examples, classes, "examples"),
        instruction=fields.instruction,
        scoring=fields.scoring,
        anchor=fields.anchor,
        path=path,
        calibration=reader.calibration(fields.calibration, classes),
        beta=reader.beta(fields.beta),
    )
