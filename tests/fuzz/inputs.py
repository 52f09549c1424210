"""One input of a reader: the files in its folder, and its arguments."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

LARGEST = 120_000  # bytes of one file
ODD = "odd"  # a folder beside the files, with things that are no files; see `place_odd_files`
_SPARSE = 20 * 2**30  # bytes that a file claims to have


class Special(Enum):
    """What may stand where a file is expected."""

    MISSING = "missing"
    FOLDER = "folder"
    FIFO = "fifo"
    ZERO = "zero"  # a link to /dev/zero, which never ends
    LOOP = "loop"  # a link to itself
    HUGE = "huge"  # 20 GB of zeros that take no room

    def make(self, path: Path) -> None:
        """Put it at a path where nothing is."""
        if self is Special.FOLDER:
            path.mkdir()
        elif self is Special.FIFO:
            os.mkfifo(path)
        elif self is Special.ZERO:
            path.symlink_to("/dev/zero")
        elif self is Special.LOOP:
            path.symlink_to(path.name)
        elif self is Special.HUGE:
            with path.open("wb") as file:
                file.truncate(_SPARSE)


@dataclass(frozen=True)
class Input:
    """Files by their name in the folder (the first is the one that is read), and arguments."""

    files: Mapping[str, bytes | Special] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()

    def with_file(self, name: str, content: bytes | Special) -> Input:
        kept = content if isinstance(content, Special) else content[:LARGEST]
        return replace(self, files={**self.files, name: kept})

    def write(self, folder: Path) -> None:
        """Leave in the folder these files and the odd ones, and nothing else."""
        for entry in os.scandir(folder):
            if entry.name != ODD:
                shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else Path(entry.path).unlink()
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content.make(path) if isinstance(content, Special) else path.write_bytes(content)


def odd_paths() -> list[str]:
    """Paths, relative to the folder, of things that are no files."""
    suffixes = (".csv", ".jsonl", ".yaml", ".json", ".safetensors", ".txt")
    kinds = [kind for kind in Special if kind is not Special.MISSING]
    return [f"{ODD}/{kind.value}{suffix}" for kind in kinds for suffix in suffixes]


def place_odd_files(folder: Path) -> None:
    """Put something at each of `odd_paths`."""
    (folder / ODD).mkdir()
    for name in odd_paths():
        Special(Path(name).stem).make(folder / name)
