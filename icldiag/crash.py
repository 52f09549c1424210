"""What nobody foresaw: one sentence for the user, and a file from which it can be mended that holds no text of theirs.

An exception's message and the values of variables may quote a prompt, so neither is written: only the types of the
exceptions, where icldiag's and Textual's code was, versions, and what the caller counts.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import FrameType

from icldiag.version import __version__

Facts = Mapping[str, str | int | None]  # hashes, counts and ids

KEPT = 20  # files
_SHOWN = ("icldiag", "textual")  # packages whose frames are written
_LIBRARIES = ("textual", "rich", "torch", "transformers", "tokenizers", "numpy", "pydantic", "PyYAML")
_MOST_FRAMES = 40  # of each end of a traceback: a recursion has a thousand


def crash_folder() -> Path:
    """Beside the saved sessions of `$ICLDIAG_STATE`, or icldiag's place among the user's logs."""
    import platformdirs

    given = os.environ.get("ICLDIAG_STATE")
    return Path(given) / "crashes" if given else platformdirs.user_log_path("icldiag") / "crashes"


def write_crash(error: BaseException | None, facts: Facts | None = None) -> Path | None:
    """Write the file, and return where it is; None where it can be written nowhere. Raises nothing.

    The same fault has the same name: one that comes a thousand times is one file.
    """
    try:
        where = [line for one in _chain(error) for line in _lines(one)]
        name = f"crash-{hashlib.sha256(''.join(where).encode()).hexdigest()[:12]}.txt"
        text = "\n".join([*_head(), *where, "", *(f"{key}: {value}" for key, value in (facts or {}).items())]) + "\n"
    except Exception:  # nothing here may hide what went wrong, or end the app
        return None
    for folder in (crash_folder(), Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            _prune(folder)
            return path
    return None


def last_words(error: BaseException | None, facts: Facts | None = None) -> str:
    """The sentence with which a command or the app ends, after writing the file."""
    path = write_crash(error, facts)
    kind = "" if error is None else f" ({type(error).__name__})"
    said = f"{path} says where, without your texts" if path else "no file about it could be written"
    return f"something went wrong that was not foreseen{kind}; {said}. Please report it."


def _head() -> Iterator[str]:
    yield "An unforeseen error in icldiag. This file holds no text of a prompt, no values and no exception messages."
    yield f"when: {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"icldiag {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    found = []
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    yield ", ".join(found)
    yield ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, and what it was raised from or while handling."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < 10:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _lines(error: BaseException) -> Iterator[str]:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    number = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    yield f"{kind} {number}".rstrip()
    frames = [place for frame, line in traceback.walk_tb(error.__traceback__) if (place := _place(frame, line))]
    if len(frames) > 2 * _MOST_FRAMES:
        frames[_MOST_FRAMES:-_MOST_FRAMES] = [f"  ({len(frames) - 2 * _MOST_FRAMES} more)"]
    yield from frames


def _place(frame: FrameType, line: int) -> str:
    """File, line and function, from the package on: the path before it may name the user."""
    package, code = str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code
    parts = Path(code.co_filename).parts
    if package not in _SHOWN or package not in parts:
        return ""
    start = len(parts) - 1 - parts[::-1].index(package)
    return f"  {'/'.join(parts[start:])}:{line} {code.co_qualname}"


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("crash-*.txt"), key=lambda path: path.stat().st_mtime)
    for path in files[:-KEPT]:
        path.unlink(missing_ok=True)
