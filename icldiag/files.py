"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from icldiag.errors import IcldiagError


def write_whole(content: str | bytes, path: Path) -> None:
    """`replace_whole` for what the user asked for: readable as the user's other files, IcldiagError if it cannot be."""
    try:
        mask = os.umask(0)
        os.umask(mask)
        replace_whole(content, path, 0o666 & ~mask)
    except OSError as error:
        raise IcldiagError(f"cannot write {str(path)!r}: {error.strerror}; choose another place with -o") from None


def replace_whole(content: str | bytes, path: Path, mode: int = 0o600) -> None:
    """Write to a temporary file beside `path` and rename it, so that no half file is ever seen. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", text=False)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def free_path(path: Path) -> Path:
    """The path, or the first one with a number after its name that does not exist."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found
