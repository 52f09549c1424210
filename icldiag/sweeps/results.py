"""The directory of a sweep's results: a JSON file a cell, written whole, found again by the cell's key.

A file that does not match its SHA-256 is no result: its cell is computed again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from icldiag.errors import IcldiagError, InputError
from icldiag.files import replace_whole
from icldiag.inputs.json_text import parse_json
from icldiag.own_files import is_whole, read_own, sealed, sweep_up, writing
from icldiag.quoting import quoted_path
from icldiag.sweeps.cells import Cell

SCHEMA = "icldiag-sweep-cell/1"
Values = dict[str, Any]  # plain JSON values
_NAMES = r"[0-9a-f]{64}\.json"
_LIMIT = 100 * 2**20  # bytes of a file; a cell's numbers are some thousands


@dataclass(frozen=True)
class Result:
    """What a cell gave. `values` are those of `Analysis.numbers`."""

    values: dict[str, Any]
    seconds: float
    environment: dict[str, Any]  # versions, device, dtype and weights that computed it


class Results:
    """The finished cells in a folder. Several sweeps may share one: cells are told apart by their keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells = folder / "cells"

    def make_folder(self) -> None:
        """Also removes what killed sweeps left in it. Raises IcldiagError where it cannot be made."""
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            sweep_up(self.cells, _NAMES)
        except OSError as error:
            raise IcldiagError(
                f"cannot make the folder {quoted_path(self.folder)}: {error.strerror}; choose another with -o"
            ) from None

    def get(self, cell: Cell) -> Result | None:
        """A finished cell's result; None where there is none, or its file is damaged."""
        path = self._path(cell)
        with suppress(InputError, OSError, ValueError, KeyError, TypeError):
            content = read_own(path, _LIMIT)
            if is_whole(content):
                found, _ = parse_json(content.decode(), path)
                if found["schema"] == SCHEMA and found["key"] == cell.key:
                    return Result(dict(found["values"]), float(found["seconds"]), dict(found["environment"]))
        return None

    def put(self, cell: Cell, result: Result) -> None:
        """Keep a result. Raises IcldiagError where it cannot be written."""
        document = {
            "schema": SCHEMA,
            "key": cell.key,
            "model": asdict(cell.model),
            "task": cell.task,
            "shots": cell.shots,
            "seed": cell.seed,
            "analysis": cell.analysis,
            "settings": cell.read,
            "prompt_sha256": cell.prompt.hash,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            **asdict(result),
        }
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
        try:
            with writing(self.cells):
                replace_whole(sealed(text), self._path(cell), 0o666)
        except OSError as error:
            raise IcldiagError(
                f"cannot write {str(self._path(cell))!r}: {error.strerror}; choose another folder with -o"
            ) from None

    def _path(self, cell: Cell) -> Path:
        return self.cells / f"{cell.key}.json"
