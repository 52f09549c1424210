"""One file per command: arguments and options only; everything heavy is imported inside the function."""

from __future__ import annotations

from collections.abc import Callable

from icldiag.commands.check import check
from icldiag.commands.doctor import doctor
from icldiag.commands.open import open_app
from icldiag.commands.repair import repair
from icldiag.commands.report import report

#: In the order of the help.
COMMANDS: dict[str, Callable[..., None]] = {
    "open": open_app,
    "report": report,
    "repair": repair,
    "check": check,
    "doctor": doctor,
}
