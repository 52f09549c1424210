"""`icldiag open`: the app on a prompt file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from icldiag.commands.against import other
from icldiag.commands.model_options import takes_model
from icldiag.commands.options import Ascii, Beside, PromptPath
from icldiag.streams import stop_echo

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


@takes_model
def open_app(
    prompt: PromptPath,
    *,
    model: ModelSettings,
    against: Beside = None,
    ascii_only: Ascii = None,
) -> None:
    """Open the app on a prompt file."""
    stop_echo()
    from icldiag.tui.process import run_app

    beside = None if against is None else other(model, against)
    raise typer.Exit(run_app(prompt, model, ascii_only, against=beside))
