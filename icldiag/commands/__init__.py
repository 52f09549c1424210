"""One file per command: arguments and options only; everything heavy is imported inside the function."""

from __future__ import annotations

from collections.abc import Callable

from icldiag.commands.check import check
from icldiag.commands.diff import diff
from icldiag.commands.doctor import doctor
from icldiag.commands.open import open_app
from icldiag.commands.report import report
from icldiag.commands.resume import resume
from icldiag.commands.serve import serve

#: In the order of the help.
COMMANDS: dict[str, Callable[..., None]] = {
    "open": open_app,
    "resume": resume,
    "report": report,
    "diff": diff,
    "check": check,
    "serve": serve,
    "doctor": doctor,
}
