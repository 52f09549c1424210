"""A prompt as the YAML that `read_prompt` reads back to an equal prompt."""

from __future__ import annotations

from typing import Any

import yaml

from icldiag.prompt.schema import Example, Prompt


def as_yaml(prompt: Prompt) -> str:
    """All fields in the order of the README's example; queries and examples are written out, not named by file."""
    plain = all(label.word == f" {label.name}" for label in prompt.labels)
    document: dict[str, Any] = {"name": prompt.name, "template": prompt.template, "separator": prompt.separator}
    document["labels"] = list(prompt.label_names) if plain else {label.name: label.word for label in prompt.labels}
    document["demonstrations"] = [_row(prompt, example) for example in prompt.demonstrations]
    document["queries"] = [_row(prompt, example) for example in prompt.queries]
    if prompt.examples:
        document["examples"] = [_row(prompt, example) for example in prompt.examples]
    if prompt.instruction is not None:
        document["instruction"] = prompt.instruction
    if prompt.instruction_separator is not None:
        document["instruction_separator"] = prompt.instruction_separator
    document["scoring"] = prompt.scoring
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


def _row(prompt: Prompt, example: Example) -> dict[str, str]:
    row = {"text": example.text}
    if example.label is not None:
        row["label"] = prompt.label_names[example.label]
    if example.id is not None:
        row["id"] = example.id
    return row
