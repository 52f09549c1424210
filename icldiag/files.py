"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from icldiag.errors import IcldiagError


def write_whole(text: str, path: Path) -> None:
    """Write to a temporary file beside `path` and rename it, so that no half report is ever seen."""
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", text=False)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise IcldiagError(f"cannot write {str(path)!r}: {error.strerror}; choose another place with -o") from None


def free_path(path: Path) -> Path:
    """The path, or the first one with a number after its name that does not exist."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found
