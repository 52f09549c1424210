"""A sweep file, read and validated: which prompts are drawn from what, for which models, seeds and analyses."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from icldiag.inputs.files import is_folder
from icldiag.inputs.values import Location, first_repeated, whole_number
from icldiag.model.gguf_file import is_gguf
from icldiag.model.names import PACKAGES
from icldiag.model.settings import BUNDLED, ModelSettings
from icldiag.prompt.conversation import refuse_conversation
from icldiag.prompt.fields import no_such_field, reason_of
from icldiag.prompt.read import Reader
from icldiag.prompt.source import read_document
from icldiag.sweeps.fields import MOST_SEEDS, Analysis, SweepFields, SweepSettings, TaskFields
from icldiag.sweeps.tasks import Task, read_task

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # pydantic's words for a field that there is not


@dataclass(frozen=True)
class Plan:
    """A whole sweep."""

    name: str
    models: tuple[ModelSettings, ...]
    seeds: tuple[int, ...]
    tasks: tuple[Task, ...]
    analyses: tuple[Analysis, ...]
    settings: SweepSettings
    notes: tuple[str, ...]  # what was left out of the data


def read_plan(path: Path, data: Path | None = None) -> Plan:
    """Read a sweep file and all data that it names.

    Args:
        data: the folder that `data` and `test` are relative to; by default the sweep file's.

    Raises:
        PromptError: the first thing that is wrong, with file, line, field and cure.
    """
    document, lines = read_document(path)
    reader = Reader(path, lines)
    if isinstance(document, dict) and "template" in document and "prompts" not in document:
        raise reader.error("this is a prompt; a sweep file names 'prompts', as 'icldiag docs sweeps' shows", "template")
    written = _fields(document, reader)
    tasks, notes = [], []
    for name, given in written.prompts.items():
        within = replace(reader, within=("prompts", name))
        task, left_out = read_task(name, given, within, data or path.parent)
        tasks.append(task)
        notes += left_out
    for field, values in (("seeds", written.seeds), ("models", written.models), ("analyses", written.analyses)):
        twice = first_repeated(values)
        if twice is not None:
            raise reader.error("is listed twice; remove one", field, twice)
    return Plan(
        name=written.name or path.stem,
        models=tuple(_model(model, path) for model in written.models),
        seeds=tuple(written.seeds),
        tasks=tuple(tasks),
        analyses=tuple(written.analyses),
        settings=written.settings,
        notes=tuple(notes),
    )


# ---- fields ---------------------------------------------------------------------------------------------------------


def _fields(document: Any, reader: Reader) -> SweepFields:
    refuse_conversation(document, reader.path)
    if not isinstance(document, dict):
        raise reader.error("a sweep file holds fields such as 'models', 'seeds', 'prompts' and 'analyses'")
    try:
        return SweepFields.model_validate(_in_one_way(document, reader))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        found = next((one for one in errors if one["type"] in _UNKNOWN), errors[0])
        location = tuple(part for part in found["loc"] if part not in ("list[str]", "dict[str,str]"))
        raise reader.error(_reason(found, location), *location) from None


def _in_one_way(document: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """A model by its name alone, and a number of seeds, in the form that says it all."""
    written = dict(document)
    models = written.get("models")
    if isinstance(models, list):
        written["models"] = [{"name": model} if isinstance(model, str) else model for model in models]
    seeds = written.get("seeds")
    if isinstance(seeds, str) and seeds.isdecimal():
        count = whole_number(seeds)
        if count is None or count > MOST_SEEDS:
            raise reader.error(f"at most {MOST_SEEDS:,} seeds can be drawn; write fewer", "seeds")
        written["seeds"] = list(range(count))
    return written


def _reason(found: Any, location: Location) -> str:
    if found["type"] in _UNKNOWN:
        return no_such_field(str(location[-1]), _known_fields(location))
    if location == ("seeds",) and found["type"] == "too_long":
        return f"at most {MOST_SEEDS:,} seeds can be drawn; write fewer"
    if location == ("seeds",) and found["type"] != "missing":
        return "expected a number of seeds, or a list of them such as [42, 43]"
    if location == ("models",) and found["type"] != "missing":
        return "expected a list of names, folders or {name, dtype, ...}"
    if found["type"] in ("model_type", "dict_type") and location[0] == "prompts":
        return "expected a name for each prompt, with fields such as {data, template} or {prompt} under it"
    return reason_of(found)


def _known_fields(location: Location) -> list[str]:
    """The fields that could have been meant at a location that names none."""
    if len(location) == 1:
        return list(SweepFields.model_fields)
    if location[0] == "models":
        return [field.name for field in fields(ModelSettings)]
    return list((TaskFields if location[0] == "prompts" else SweepSettings).model_fields)


def _model(given: ModelSettings, path: Path) -> ModelSettings:
    """A folder or a GGUF file may be written relative to the sweep file."""
    beside = path.parent / given.name
    relative = given.name not in (BUNDLED, *PACKAGES) and not _is_place(Path(given.name)) and _is_place(beside)
    return replace(given, name=str(beside)) if relative else given


def _is_place(path: Path) -> bool:
    return is_folder(path) or is_gguf(path)
