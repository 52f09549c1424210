"""A sweep file, read and validated: which prompts are drawn from what, for which models, seeds and analyses."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from icldiag.analyses.compression import Positions
from icldiag.analyses.reweighting import TrainingSettings
from icldiag.errors import PromptError
from icldiag.model.load import BUNDLED, ModelSettings
from icldiag.prompt.fields import reason_of
from icldiag.prompt.schema import Example, Label, Prompt, Reader, read_prompt, unknown_class
from icldiag.prompt.source import Location, read_document
from icldiag.prompt.tables import read_table
from icldiag.sweeps.fields import Analysis, ModelFields, SettingsFields, SweepFields, TaskFields


@dataclass(frozen=True)
class SweepSettings:
    """Options that change a number; see `icldiag.sweeps.measures` for which analysis reads which."""

    layer: int | None  # confusion: the layer of the anchors' keys
    saliency_queries: int | None  # saliency: of so many of the queries; None of all
    isolated_layers: int  # isolation: the first and the last so many, as in the paper's figure 4
    top: int  # isolation, compression: the k of word loyalty
    training: TrainingSettings  # reweighting
    draws: int  # compression
    positions: Positions
    timed: bool  # compression: whether the speed-up is measured
    budget: int  # repairs: candidates tried


@dataclass(frozen=True)
class Task:
    """What one prompt's demonstrations, examples and queries are drawn from."""

    name: str
    shape: Prompt  # without any
    pool: tuple[Example, ...]  # demonstrations and examples
    queries: tuple[Example, ...]
    shots: tuple[int, ...]  # demonstrations per class
    more_shots: tuple[int, ...] | None  # a second prompt, asked for its answers alone
    query_limit: int
    example_limit: int  # per class

    @property
    def variants(self) -> tuple[tuple[int, ...], ...]:
        """Demonstrations per class of each prompt that is drawn."""
        return (self.shots,) if self.more_shots is None else (self.shots, self.more_shots)


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
    fields = _fields(document, reader)
    tasks, notes = [], []
    for name, given in fields.prompts.items():
        within = replace(reader, within=("prompts", name))
        task, left_out = _task(name, given, within, data or path.parent)
        tasks.append(task)
        notes += left_out
    for field, values in (("seeds", fields.seeds), ("models", fields.models), ("analyses", fields.analyses)):
        twice = next((index for index, value in enumerate(values) if value in values[:index]), None)
        if twice is not None:
            raise reader.error("is listed twice; remove one", field, twice)
    return Plan(
        name=fields.name or path.stem,
        models=tuple(_model(model, path) for model in fields.models),
        seeds=tuple(fields.seeds),
        tasks=tuple(tasks),
        analyses=tuple(fields.analyses),
        settings=_settings(fields.settings),
        notes=tuple(notes),
    )


# ---- fields ---------------------------------------------------------------------------------------------------------


def _fields(document: Any, reader: Reader) -> SweepFields:
    if not isinstance(document, dict):
        raise reader.error("a sweep file holds fields such as 'models', 'seeds', 'prompts' and 'analyses'")
    try:
        return SweepFields.model_validate(_in_one_way(document))
    except ValidationError as error:
        found = next((one for one in error.errors() if one["type"] == "extra_forbidden"), error.errors()[0])
        location = tuple(part for part in found["loc"] if part not in ("list[str]", "dict[str,str]"))
        raise reader.error(_reason(found, location), *location) from None


def _in_one_way(document: dict[str, Any]) -> dict[str, Any]:
    """A model by its name alone, and a number of seeds, in the form that says it all."""
    written = dict(document)
    models = written.get("models")
    if isinstance(models, list):
        written["models"] = [{"name": model} if isinstance(model, str) else model for model in models]
    seeds = written.get("seeds")
    if isinstance(seeds, str) and seeds.isdecimal():
        written["seeds"] = list(range(int(seeds)))
    return written


def _reason(found: Any, location: Location) -> str:
    if found["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(location[-1]), list(_shape_at(location).model_fields), n=1)
        return "there is no such field" + (f"; did you mean {close[0]!r}?" if close else "")
    if location == ("seeds",) and found["type"] != "missing":
        return "expected a number of seeds, or a list of them such as [42, 43]"
    if location == ("models",) and found["type"] != "missing":
        return "expected a list of names, folders or {name, dtype, ...}"
    if found["type"] in ("model_type", "dict_type") and location[0] == "prompts":
        return "expected a name for each prompt, with fields such as {data, template} or {prompt} under it"
    return reason_of(found)


def _shape_at(location: Location) -> type[BaseModel]:
    within: dict[str | int, type[BaseModel]] = {
        "models": ModelFields,
        "prompts": TaskFields,
        "settings": SettingsFields,
    }
    return within[location[0]] if len(location) > 1 else SweepFields


def _model(given: ModelFields, path: Path) -> ModelSettings:
    """A folder may be written relative to the sweep file."""
    beside = path.parent / given.name
    is_folder = given.name != BUNDLED and not Path(given.name).is_dir() and beside.is_dir()
    return ModelSettings(**{**given.model_dump(), "name": str(beside) if is_folder else given.name})


def _settings(given: SettingsFields) -> SweepSettings:
    return SweepSettings(
        layer=given.layer,
        saliency_queries=given.saliency_queries,
        isolated_layers=given.isolated_layers,
        top=given.top,
        training=TrainingSettings(given.per_class, given.epochs, given.learning_rate, given.batch_size),
        draws=given.draws,
        positions=given.positions,
        timed=given.timed,
        budget=given.budget,
    )


# ---- prompts --------------------------------------------------------------------------------------------------------


def _task(name: str, given: TaskFields, reader: Reader, folder: Path) -> tuple[Task, list[str]]:
    if (given.prompt is None) == (given.data is None):
        raise reader.error("write either 'prompt', a prompt file, or 'data', a file to draw prompts from")
    drawn = _from_prompt if given.prompt is not None else _from_data
    shape, pool, queries, shots, notes = drawn(name, given, reader, folder)
    more = None if given.more_shots is None else (given.more_shots,) * len(shape.labels)
    for wanted, field in ((shots, "shots"), (more, "more_shots")):
        _enough(wanted, shape, pool, reader, field)
    return Task(name, shape, pool, queries, shots, more, given.queries, given.examples), notes


_Drawn = tuple[Prompt, tuple[Example, ...], tuple[Example, ...], tuple[int, ...], list[str]]


def _from_prompt(name: str, given: TaskFields, reader: Reader, folder: Path) -> _Drawn:
    """As many demonstrations per class as the file has, drawn from its demonstrations and examples."""
    only = {"prompt", "queries", "examples", "more_shots", "shots"}
    for field in sorted(given.model_fields_set - only):
        raise reader.error("is for 'data'; a prompt file says it itself", field)
    prompt = read_prompt(reader.path.parent / str(given.prompt))
    if prompt.calibration or prompt.beta:
        raise reader.error("has a calibration or a beta, which are for its own demonstrations; remove them", "prompt")
    counts = Counter(example.label for example in prompt.demonstrations)
    shots = tuple(counts[label] for label in range(len(prompt.labels)))
    if "shots" in given.model_fields_set:
        shots = (given.shots,) * len(prompt.labels)
    labelled = [example for example in (*prompt.demonstrations, *prompt.examples) if example.label is not None]
    pool = tuple({example.text: example for example in labelled}.values())
    shape = replace(prompt, name=name, demonstrations=(), queries=(), examples=(), path=None)
    return shape, pool, prompt.queries, shots, []


def _from_data(name: str, given: TaskFields, reader: Reader, folder: Path) -> _Drawn:
    if given.template is None:
        raise reader.error("this field is missing; {text} and {label} stand in it once each", "template")
    reader.template(given.template)
    train = _rows(given, str(given.data), given.split, folder)
    labels = given.labels if given.labels is not None else sorted({label for label, _ in train.values()})
    shape = Prompt(
        name=name,
        template=given.template,
        separator=given.separator,
        labels=reader.labels(labels, given.chat),
        demonstrations=(),
        queries=(),
        instruction=given.instruction,
        scoring=given.scoring,
        anchor=given.anchor,
        chat=given.chat,
    )
    path = folder / str(given.data)
    pool, notes = _examples(train, shape.labels, path, given)
    queries = pool
    if given.test is not None:
        path = folder / given.test
        queries, more = _examples(_rows(given, given.test, given.test_split, folder), shape.labels, path, given)
        shown = {example.text for example in pool}
        queries = tuple(example for example in queries if example.text not in shown)
        notes += more
    if not queries:
        raise PromptError("no text is left to ask", path=path)
    return shape, pool, queries, (given.shots,) * len(shape.labels), notes


_Rows = dict[str, tuple[str, int]]  # label and line by text


def _rows(given: TaskFields, file: str, split: str | None, folder: Path) -> _Rows:
    """The labelled rows of a data file; a text that occurs twice counts once."""
    table = read_table(folder / file, split)
    return {
        text: (label, line)
        for line, text, label, _ in table.labelled(given.text, given.label)
        if label is not None and text.strip()
    }


def _examples(
    rows: _Rows, labels: Sequence[Label], path: Path, given: TaskFields
) -> tuple[tuple[Example, ...], list[str]]:
    classes: Mapping[str, int] = {label.name: index for index, label in enumerate(labels)}
    for label, line in rows.values():
        if label not in classes:
            raise unknown_class(label, dict(classes), path, line, given.label)
    found = [Example(text, classes[label]) for text, (label, _) in rows.items()]
    short = [one for one in found if given.longest is None or len(one.text.split()) <= given.longest]
    left_out = len(found) - len(short)
    notes = [f"{path}: {left_out} of {len(found)} texts have more than {given.longest} words and are left out"]
    return tuple(short), notes if left_out else []


def _enough(shots: tuple[int, ...] | None, shape: Prompt, pool: Sequence[Example], reader: Reader, field: str) -> None:
    counts = Counter(example.label for example in pool)
    for label, wanted in enumerate(shots or ()):
        if counts[label] < wanted:
            reason = f"{shape.labels[label].name!r} has {counts[label]} texts to draw {wanted} demonstrations from"
            raise reader.error(f"{reason}; lower it, or add texts", field)
