"""One file per command: arguments and options only; everything heavy is imported inside the function."""

from __future__ import annotations

from collections.abc import Callable

from icldiag.commands.check import check
from icldiag.commands.doctor import doctor
from icldiag.commands.import_langchain import import_langchain
from icldiag.commands.import_lm_eval import import_lm_eval
from icldiag.commands.import_text import import_text
from icldiag.commands.new import new
from icldiag.commands.open import open_app
from icldiag.commands.report import report

#: In the order of the help.
COMMANDS: dict[str, Callable[..., None]] = {
    "open": open_app,
    "report": report,
    "check": check,
    "new": new,
    "doctor": doctor,
}

#: Commands with commands of their own: the help, and those.
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "import": (
        "Make a prompt file from what another tool wrote.",
        {"lm-eval": import_lm_eval, "langchain": import_langchain, "text": import_text},
    ),
}
