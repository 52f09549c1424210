"""A prompt as the YAML that `read_prompt` reads back to an equal prompt."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import yaml

from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.logged import Logged
from icldiag.prompt.schema import Example, Prompt

T = TypeVar("T")


class _Row(dict[str, Any]):
    """An example, written on one line."""


class _Dumper(yaml.SafeDumper):
    """Text with line breaks or other control characters in quotes, with escapes, as it stands in the docs."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = text.isprintable() and text == text.strip()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_mapping("tag:yaml.org,2002:map", row, flow_style=True)
)


def as_yaml(prompt: Prompt, folder: Path | None = None, *, comments: Mapping[str, str] | None = None) -> str:
    """All fields in the order of docs/formats.md; queries and examples are written out, not named by file.

    Args:
        folder: where the file will be: the path of a saved beta is written relative to it, and whole without it.
        comments: for a field, what to write above it; under the empty name, what to write at the top.
    """
    comments = comments or {}
    fields = {"": None, **_fields(prompt, folder)}
    return "".join(
        _comment(comments.get(name)) + (_dump(name, value) if name else "") for name, value in fields.items()
    )


def as_its_ending_says(text: str, path: Path) -> str:
    """A prompt's YAML, or the same fields as JSON for a file that is read as JSON: without its comments."""
    if path.suffix.lower() != ".json":
        return text
    return json.dumps(yaml.safe_load(text), ensure_ascii=False, indent=2) + "\n"


def _fields(prompt: Prompt, folder: Path | None) -> dict[str, Any]:
    space = "" if prompt.chat else " "
    plain = all(label.word == space + label.name for label in prompt.labels)
    fields: dict[str, Any] = {"name": prompt.name, "template": prompt.template}
    fields |= {"chat": True} if prompt.chat else {"separator": prompt.separator}
    fields["labels"] = list(prompt.label_names) if plain else {label.name: label.word for label in prompt.labels}
    if prompt.instruction is not None:
        fields["instruction"] = prompt.instruction
    if prompt.instruction_separator is not None:
        fields["instruction_separator"] = prompt.instruction_separator
    fields["scoring"] = prompt.scoring
    fields["anchor"] = prompt.anchor
    fields["demonstrations"] = [_row(prompt, example) for example in prompt.demonstrations]
    fields["queries"] = [_row(prompt, example) for example in prompt.queries]
    if prompt.examples:
        fields["examples"] = [_row(prompt, example) for example in prompt.examples]
    if prompt.retrieval is not None:
        fields["retrieval"] = asdict(prompt.retrieval)
    if prompt.calibration is not None:
        fields["calibration"] = calibration_fields(prompt.calibration, prompt.label_names)
    if prompt.beta is not None:
        fields["beta"] = named_from(folder, prompt.beta.path)
    if prompt.logged is not None:
        fields["logged"] = _logged_fields(prompt.logged)
    return fields


def _logged_fields(logged: Logged) -> dict[str, Any]:
    """As `LoggedFields` reads it."""
    model = {} if logged.model is None else {"model": logged.model}
    return {"tool": logged.tool, **model, "answers": dict(logged.answers)}


def calibration_fields(calibration: Calibration, names: Sequence[str]) -> dict[str, Any]:
    """As `CalibrationFields` reads it."""

    def of_each(values: Sequence[T]) -> dict[str, T]:
        return dict(zip(names, values, strict=True))

    fields: dict[str, Any] = {"kind": calibration.kind}
    if calibration.model is not None:
        fields["model"] = calibration.model
    if calibration.prior is not None:
        return {**fields, "probabilities": of_each(calibration.prior)}
    if calibration.scale is not None:
        fields["scale"] = of_each(calibration.scale)
    if calibration.matrix is not None:
        fields["matrix"] = of_each([of_each(row) for row in calibration.matrix])
    votes = {} if calibration.votes is None else asdict(calibration.votes)
    return {**fields, "bias": of_each(calibration.bias), **votes}


def named_from(folder: Path | None, path: Path) -> str:
    """A path as it is named in a file of `folder`; whole without one."""
    return str(path.resolve()) if folder is None else os.path.relpath(path.resolve(), folder.resolve())


def _dump(name: str, value: Any) -> str:
    text: str = yaml.dump({name: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text


def _comment(text: str | None) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines()) if text else ""


def _row(prompt: Prompt, example: Example) -> _Row:
    row = _Row((name, example.text_of(name)) for name in prompt.fields)
    if example.label is not None:
        row["label"] = prompt.label_names[example.label]
    if example.id is not None:
        row["id"] = example.id
    if example.demonstrations:
        row["demonstrations"] = [_row(prompt, shown) for shown in example.demonstrations]
    return row
