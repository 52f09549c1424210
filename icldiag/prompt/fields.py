"""The shape of a prompt file, and which of pydantic's complaints to show and how."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from icldiag.arguments import Count, Seed, Weight
from icldiag.errors import PromptError
from icldiag.prompt.adjustments import PRIORS, SCALES, CalibrationKind
from icldiag.prompt.source import Location
from icldiag.quoting import brief, did_you_mean, listed, quoted, shortened

Scoring = Literal["first", "whole", "terminated", "per_token", "per_byte", "pmi"]
Anchor = Literal["first", "last", "all"]  # which tokens of a label word

SEPARATOR = "\n"  # where a prompt file has none

_STRICT = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class _WithTexts(BaseModel):
    """What says something of each field of the template, under the field's name; `Reader` knows which there are."""

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)
    __pydantic_extra__: dict[str, str] = Field(init=False)

    @property
    def by_field(self) -> dict[str, str]:
        return self.__pydantic_extra__


class LabelledFields(_WithTexts):
    """`by_field` has the texts."""

    label: str | None = None
    id: str | None = None


class DemonstrationFields(LabelledFields):
    label: str


class ExampleFields(LabelledFields):
    """`demonstrations` are those that this one alone is shown."""

    demonstrations: list[DemonstrationFields] = []


class FileFields(_WithTexts):
    """A data file, and the columns that hold texts, label and id: by default those of these names, if they are there.

    `by_field` has the columns of texts.
    """

    file: str
    split: str | None = None
    label: str | None = None
    id: str | None = None
    limit: Count | None = None
    seed: Seed | None = None


class CalibrationFields(BaseModel):
    """A prior's probabilities, or scale and bias, or matrix and bias and votes, as the kind has them."""

    model_config = _STRICT
    kind: CalibrationKind
    probabilities: dict[str, float] | None = None
    scale: dict[str, float] | None = None
    matrix: dict[str, dict[str, float]] | None = None
    bias: dict[str, float] | None = None
    nearest: Count | None = None
    weight: Annotated[Weight, Field(ge=0)] | None = None
    model: str | None = None


class RetrievalFields(BaseModel):
    """Demonstrations for each query, from `examples`."""

    model_config = _STRICT
    by: Literal["bm25"] = "bm25"
    count: Count


class LoggedFields(BaseModel):
    """What a run answered, by its queries' ids: `import` writes it of a log."""

    model_config = _STRICT
    tool: str
    model: str | None = None
    answers: dict[str, str] = {}


class PromptFields(BaseModel):
    model_config = _STRICT
    name: str | None = None
    template: str
    separator: str = SEPARATOR
    labels: list[str] | dict[str, str]
    demonstrations: FileFields | list[DemonstrationFields]
    queries: FileFields | list[ExampleFields]
    examples: FileFields | list[ExampleFields] = []
    instruction: str | None = None
    instruction_separator: str | None = None
    scoring: Scoring = "first"
    anchor: Anchor = "last"
    chat: bool = False
    retrieval: RetrievalFields | None = None
    calibration: CalibrationFields | None = None
    beta: str | None = None
    logged: LoggedFields | None = None


_REASONS = {
    "missing": "this field is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "expected text",
    "list_type": "expected a list",
    "model_type": "expected a mapping of fields to values",
    "bool_parsing": "must be true or false",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number of fewer digits",
    "int_from_float": "expected a whole number",
    "path_type": "expected a path",
    "finite_number": "expected a number that is not infinite",
    "float_parsing": "expected a number",
    "dict_type": "expected a mapping from class name to number",
}
_NULL = "there is no value here, or an unquoted null or ~; write the text, in quotes if it is one of these words"
_BOUNDS = (("ge", "at least"), ("le", "at most"), ("gt", "more than"), ("lt", "less than"))
_EXAMPLES = ("demonstrations", "queries", "examples")


def complaint(error: ValidationError, document: dict[str, Any]) -> tuple[str, Location]:
    """The first thing that is wrong, in a few words, and its place in the user's file."""
    every = error.errors(include_url=False)
    errors = [one for one in every if _of_the_kind_written(one["loc"], document)] or every
    # a misspelt field is also missing under its right name: the misspelling is what to mend
    found = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    # pydantic names the member of a union inside the location: the user's file knows no such key
    location = tuple(
        part
        for place, part in enumerate(found["loc"])
        if place != 1 or (part not in ("list", "dict", FileFields.__name__) and "[" not in str(part))
    )
    reason = reason_of(found)
    if found["type"] == "missing" and location[0] in _EXAMPLES:
        reason, location = _misspelt(reason, location, document)
        if location == ("demonstrations",) and reason == _REASONS["missing"]:
            reason += "; 'demonstrations: []' is a prompt without any"
    if found["type"] == "extra_forbidden":
        reason = no_such_field(str(location[-1]), _known_fields(location))
    elif location == ("calibration",) and found["type"] != "missing":
        reason = (
            f"expected {{kind: {' or '.join(PRIORS)}, probabilities: {{class: number, ...}}}}, or {{kind: "
            f"{' or '.join(SCALES)}, scale: {{...}}, bias: {{...}}}}, or "
            "{kind: matrix, matrix: {...}, bias: {...}}"
        )
    elif location == ("logged", "answers"):
        reason = "expected a mapping from a query's id to what the run answered"
    elif location[0] == "labels" and len(location) > 1:
        reason = _NULL if reason == _NULL else "expected text, and this is none; put it in quotes"
    elif location == ("labels",) and found["type"] != "missing":
        reason = "expected a list of class names, or a mapping from class name to label word"
    elif location[0] in _EXAMPLES and len(location) == 1 and found["type"] != "missing":
        written = document.get(str(location[0]))
        told = f"{{file: {shortened(written)}}}" if isinstance(written, str) and written.strip() else "{file: ...}"
        reason = f"expected a list of {{text, label}}, or {told} for rows in a file"
    elif location[0] in _EXAMPLES and found["type"] == "model_type":
        reason = "expected {text: ...}, with its label where that is known"
    return reason, location


def reason_of(found: Any) -> str:
    """One of pydantic's error details in our words."""
    if found["type"] == "literal_error":
        return f"must be {found['ctx']['expected']}"
    context = found.get("ctx", {})
    if found["type"] == "string_type" and found.get("input", "") is None:
        return _NULL
    bound = next((f"must be {words} {context[kind]:,}" for kind, words in _BOUNDS if kind in context), None)
    return bound or _REASONS.get(found["type"]) or brief(found["msg"])


def _of_the_kind_written(location: Location, document: dict[str, Any]) -> bool:
    """Of a field that may be a list or name a file, only the complaints about what was written are of use."""
    if location[0] == "labels" and len(location) > 1:
        return str(location[1]).startswith("dict" if isinstance(document.get("labels"), dict) else "list")
    if location[0] not in _EXAMPLES or len(location) == 1:
        return True
    return isinstance(document.get(str(location[0])), dict) == (location[1] == FileFields.__name__)


def _known_fields(location: Location) -> Sequence[str]:
    """The fields that could have been meant at a location that names none."""
    parts: dict[str | int, type[BaseModel]] = {
        "calibration": CalibrationFields,
        "retrieval": RetrievalFields,
        "logged": LoggedFields,
    }
    return list(parts.get(location[0], PromptFields).model_fields)


def _misspelt(reason: str, location: Location, document: Any) -> tuple[str, Location]:
    """Of a field that is missing and stands there under a name like it, the complaint about that name."""
    for part in location[:-1]:
        document = document[part]
    missing = str(location[-1])
    near = next((name for name in document if suggestion(str(name), [missing])), None)
    return (reason, location) if near is None else (no_such_field(near, [missing]), (*location[:-1], near))


def no_such_field(name: str, known: Collection[str], cure: str | None = None) -> str:
    """With the name that may be meant; where none is near, `cure`, or what there is."""
    cure = cure or f"remove it, or use one of {listed(known, len(known))}"
    return f"{_REASONS['extra_forbidden']}{suggestion(name, known) or f'; {cure}'}"


def suggestion(name: str, known: Iterable[str]) -> str:
    close = did_you_mean(name, known).rstrip()
    return f"; {close}" if close else ""


def unknown_class(label: str, classes: dict[str, int], path: Path, line: int | None, field: str) -> PromptError:
    """The error for a label that is no class, in a data file."""
    return PromptError(no_such_class(label, classes), path=path, line=line, field=field)


def no_such_class(label: str, classes: dict[str, int]) -> str:
    return f"there is no class {quoted(label)} in 'labels' ({listed(classes)})" + (
        suggestion(label, classes) or "; add it there or correct it here"
    )
