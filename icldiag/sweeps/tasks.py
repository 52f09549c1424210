"""What the prompts of a sweep are drawn from: the texts of a prompt file, or of data files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from icldiag.counting import counted
from icldiag.inputs.files import is_there
from icldiag.prompt.fields import unknown_class
from icldiag.prompt.read import Reader, read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.tables import Table, read_table
from icldiag.prompt.template import in_braces
from icldiag.quoting import listed, quoted
from icldiag.sweeps.fields import TaskFields


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
        return (self.shots,) if self.more_shots in (None, self.shots) else (self.shots, self.more_shots)


def read_task(name: str, given: TaskFields, reader: Reader, folder: Path) -> tuple[Task, list[str]]:
    """Read what a prompt is drawn from, and say what was left out of it.

    Args:
        folder: that data files are relative to.

    Raises:
        PromptError: a file is not there or is broken, a field is wrong, or a class has too few texts.
    """
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
    prompt = read_prompt(_existing(reader.path.parent / str(given.prompt), reader, "prompt", "the sweep file"))
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
    where = "the sweep file, or to --data"
    path = _existing(folder / str(given.data), reader, "data", where)
    table = read_table(path, given.split)
    fields = reader.template(given.template, (*table.columns, *given.fields))
    further = next((name for name in given.fields if name not in fields), None)
    if further is not None:
        raise reader.error(f"the template does not hold {in_braces([further])}", "fields", further)
    train, notes = _rows(given, table, fields, reader, name)
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
        fields=fields,
    )
    pool, left_out = _examples(train, shape, path, given)
    queries = pool
    if given.test is not None:
        path = _existing(folder / given.test, reader, "test", where)
        test, more_notes = _rows(given, read_table(path, given.test_split), fields, reader, name)
        asked, more = _examples(test, shape, path, given)
        shown = {example.text for example in pool}
        queries = tuple(example for example in asked if example.text not in shown)
        left_out += more
        notes += more_notes
    if not queries:
        raise reader.error("no text is left to ask", "test" if given.test else "data")
    if left_out:
        notes.append(f"{name}: texts of more than {given.longest} words are left out: {', '.join(left_out)}")
    return shape, pool, queries, (given.shots,) * len(shape.labels), notes


_Rows = dict[tuple[str, ...], tuple[str, int]]  # label and line by the texts of the fields


def _existing(path: Path, reader: Reader, field: str, base: str) -> Path:
    if not is_there(path):
        raise reader.error(f"there is no file {quoted(str(path))}; the path is relative to {base}", field)
    return path


def _rows(given: TaskFields, table: Table, fields: Sequence[str], reader: Reader, name: str) -> tuple[_Rows, list[str]]:
    """The labelled rows of a data file, and a note where they contradict each other; of equal texts the last counts."""
    table.refuse_named(given.template or "", fields)
    columns = {name: given.fields.get(name, given.text if name == "text" else name) for name in fields}
    for field, column in columns.items():
        if field != "text" and column not in table.columns:
            reason = f"names {in_braces([field])}, and {table.path.name} has no column {quoted(column)}"
            raise reader.error(f"the template {reason}; it has {listed(table.columns)}", "template")
    found: _Rows = {}
    disputed: dict[tuple[str, ...], None] = {}
    for line, texts, label, _ in table.labelled(columns, given.label):
        if label is not None and any(text.strip() for text in texts.values()):
            row = tuple(texts.values())
            if row in found and found[row][0] != label:
                disputed[row] = None
            found[row] = label, line
    if not disputed:
        return found, []
    count, first = counted(len(disputed), "text"), next(iter(disputed))[0]
    note = f"{name}: {count} of {table.path.name} with more than one label, such as {quoted(first)}: the last counts"
    return found, [note]


def _examples(rows: _Rows, shape: Prompt, path: Path, given: TaskFields) -> tuple[tuple[Example, ...], list[str]]:
    classes: Mapping[str, int] = {label.name: index for index, label in enumerate(shape.labels)}
    for label, line in rows.values():
        if label not in classes:
            raise unknown_class(label, dict(classes), path, line, given.label)
    found = [
        Example.of(dict(zip(shape.fields, texts, strict=True)), classes[label]) for texts, (label, _) in rows.items()
    ]
    short = [one for one in found if given.longest is None or len(" ".join(one.texts).split()) <= given.longest]
    left_out = len(found) - len(short)
    return tuple(short), [f"{left_out} of {len(found)} in {path.name}"] if left_out else []


def _enough(shots: tuple[int, ...] | None, shape: Prompt, pool: Sequence[Example], reader: Reader, field: str) -> None:
    counts = Counter(example.label for example in pool)
    for label, wanted in enumerate(shots or ()):
        if counts[label] < wanted:
            texts = counted(counts[label], "text")
            reason = f"{quoted(shape.labels[label].name)} has {texts} to draw {wanted} demonstrations from"
            raise reader.error(f"{reason}; lower it, or add texts", field)
