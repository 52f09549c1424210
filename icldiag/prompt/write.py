"""A prompt as the YAML that `read_prompt` reads back to an equal prompt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from icldiag.prompt.schema import Example, Prompt


def as_yaml(prompt: Prompt, folder: Path | None = None) -> str:
    """All fields in the order of the README's example; queries and examples are written out, not named by file.

    Args:
        folder: where the file will be: the path of a saved beta is written relative to it, and whole without it.
    """
    plain = all(label.word == f" {label.name}" for label in prompt.labels)
    document: dict[str, Any] = {"name": prompt.name, "template": prompt.template, "separator": prompt.separator}
    document["labels"] = list(prompt.label_names) if plain else {label.name: label.word for label in prompt.labels}
    document["demonstrations"] = [_row(prompt, example) for example in prompt.demonstrations]
    document["queries"] = [_row(prompt, example) for example in prompt.queries]
    if prompt.examples:
        document["examples"] = [_row(prompt, example) for example in prompt.examples]
    if prompt.instruction is not None:
        document["instruction"] = prompt.instruction
    document["scoring"] = prompt.scoring
    if prompt.calibration is not None:
        numbers = dict(zip(prompt.label_names, prompt.calibration.probabilities, strict=True))
        document["calibration"] = {"kind": prompt.calibration.kind, "probabilities": numbers}
    if prompt.beta is not None:
        document["beta"] = named_from(folder, prompt.beta.path)
    document["anchor"] = prompt.anchor
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


def named_from(folder: Path | None, path: Path) -> str:
    """A path as it is named in a file of `folder`; whole without one."""
    return str(path.resolve()) if folder is None else os.path.relpath(path.resolve(), folder.resolve())


def _row(prompt: Prompt, example: Example) -> dict[str, str]:
    row = {"text": example.text}
    if example.label is not None:
        row["label"] = prompt.label_names[example.label]
    return row
