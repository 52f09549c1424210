"""A reader: its name, inputs that are as they should be, and how the product reads one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.inputs import Input

Arguments = tuple[str, ...]
Read = Callable[[Path, Arguments], object]


@dataclass(frozen=True)
class Reader:
    """`read` gets the folder of the files and the arguments; a command's gives the exit code."""

    name: str
    seeds: list[Input]
    read: Read
    is_command: bool = False
    keeps_arguments: bool = False  # only the files are broken


def as_files(arguments: Arguments = (), /, **files: Any) -> Input:
    """An input of files whose names have _ for the dot; values are text, bytes, or what is written as JSON or YAML."""
    made = {}
    for name, content in files.items():
        name = ".".join(name.rsplit("_", 1))
        if not isinstance(content, str | bytes):
            content = (
                yaml.safe_dump(content, sort_keys=False) if name.endswith("yaml") else json.dumps(content, indent=1)
            )
        made[name] = content if isinstance(content, bytes) else content.encode()
    return Input(made, arguments)
