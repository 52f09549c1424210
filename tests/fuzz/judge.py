"""What a reader may do with an input: give a value, or raise an IcldiagError of one short sentence."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from icldiag.errors import Cancelled, IcldiagError
from icldiag.visible import visible
from tests.fuzz.inputs import Input

Kind = Literal["value", "told", "fault"]
LONGEST = 600  # characters of a message
QUOTED = 100  # characters of a user's value that a message may hold in one piece; 80 and a little

_OURS = re.compile(r"/(icldiag|tests/fuzz)/(?!.*site-packages)")
_INNARDS = re.compile(r"Traceback|0x[0-9a-f]{6,}|<class |<function |pydantic|NoneType|\bTypeError\b|\bKeyError\b")
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a terminal may obey
_EXITS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Outcome:
    """How a reader took an input. Faults with the same sign are one fault."""

    kind: Kind
    sign: str = ""
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.kind == "fault"


def fault(sign: str, detail: str = "") -> Outcome:
    return Outcome("fault", sign, detail)


def of_error(error: BaseException, given: Input) -> Outcome:
    """Judge what a reader raised."""
    place = _place(error)
    if not isinstance(error, IcldiagError) or isinstance(error, Cancelled):
        return fault(
            f"{type(error).__name__} in {place}", "".join(traceback.format_exception(error, limit=-12))[-6000:]
        )
    complaint = complaint_about(str(error), given)
    return (
        fault(f"message {complaint}: {type(error).__name__} in {place}", str(error)[:2000])
        if complaint
        else Outcome("told", detail=str(error)[:300])
    )


def complaint_about(message: str, given: Input) -> str | None:
    """Why a message is not one short sentence that may be shown, or None."""
    if not message.strip():
        return "empty"
    if len(message.splitlines()) > 1:
        return "of several lines"
    if message != visible(message):
        return "with invisible characters"
    if len(message) > LONGEST:
        return "too long"
    if _INNARDS.search(message) and not _is_given(_INNARDS.search(message)[0], given):  # type: ignore[index]
        return "with innards"
    pieces = (message[start : start + QUOTED] for start in range(0, len(message) - QUOTED + 1, 5))
    return "quotes too much" if any(_is_given(piece, given) for piece in pieces) else None


def _is_given(piece: str, given: Input) -> bool:
    contents = (content for content in given.files.values() if isinstance(content, bytes))
    encoded = piece.encode("utf-8", "surrogatepass")
    return any(encoded in content for content in contents) or any(piece in one for one in given.arguments)


def of_output(written: str) -> Outcome | None:
    """Judge what a reader wrote to the terminal, which should be nothing."""
    if not written:
        return None
    last = re.sub(r"\d+", "#", visible(written.strip().splitlines()[-1]))[:60] if written.strip() else "spaces"
    return fault(f"output: {last}", written[:3000])


def of_command(code: object, out: str, told: str, given: Input) -> Outcome:
    """Judge the exit code of a command, and what it wrote to stdout and stderr."""
    if code not in _EXITS:
        return fault(f"exit code {code}", told[:3000])
    for name, text in (("stdout", out), ("stderr", told)):
        if found := _OBEYED.search(text):
            return fault(f"{name} has {visible(found[0])}", text[max(found.start() - 200, 0) : found.end() + 200])
    if "Traceback" in told:
        return fault("stderr has a traceback", told[-3000:])
    if code == 0:
        return Outcome("value")
    last = told.rstrip("\n").rpartition("\n")[2]
    said = re.match(r"icldiag: |Error: ", last)
    if not said:
        return fault("stderr ends without a sentence", told[-3000:])
    complaint = complaint_about(last, given)
    return (
        fault(f"message {complaint}: {said[0]}{re.sub(r'[^a-z ]', '', last)[:30]}", last[:2000])
        if complaint
        else Outcome("told", detail=last[:300])
    )


def _place(error: BaseException) -> str:
    """The innermost line of ours, by file and function."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _OURS.search(frame.filename) and not frame.filename.endswith("worker.py")]
    if not ours:
        return _place(error.__context__) if error.__context__ else "nowhere of ours"
    path = Path(ours[-1].filename)
    return f"{path.parent.name}/{path.name}:{ours[-1].name}"
