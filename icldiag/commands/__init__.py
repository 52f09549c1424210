"""One file per command: arguments and options only; everything heavy is imported inside the function."""

from __future__ import annotations

from collections.abc import Callable

from icldiag.commands.check import check
from icldiag.commands.diff import diff
from icldiag.commands.docs import docs
from icldiag.commands.doctor import doctor
from icldiag.commands.imports import import_commands
from icldiag.commands.new import new
from icldiag.commands.open import open_app
from icldiag.commands.predict import predict
from icldiag.commands.repair import repair
from icldiag.commands.report import report
from icldiag.commands.resume import resume
from icldiag.commands.samples import samples
from icldiag.commands.serve import serve
from icldiag.commands.sweep import sweep
from icldiag.commands.test import test

#: In the order of the help.
COMMANDS: dict[str, Callable[..., None]] = {
    "open": open_app,
    "resume": resume,
    "report": report,
    "diff": diff,
    "repair": repair,
    "predict": predict,
    "sweep": sweep,
    "check": check,
    "test": test,
    "new": new,
    "serve": serve,
    "doctor": doctor,
    "samples": samples,
    "docs": docs,
}

#: Commands with commands of their own: the help, and those.
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "import": ("Make a prompt file from what another tool wrote.", import_commands()),
}
