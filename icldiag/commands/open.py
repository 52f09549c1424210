"""`icldiag open`: the app on a prompt file."""

from __future__ import annotations

import typer

from icldiag.commands.options import Ascii, Device, Dtype, Model, PromptPath, Revision, Trust, model_settings


def open_app(
    prompt: PromptPath,
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    ascii_only: Ascii = False,
) -> None:
    """Open the app on a prompt file."""
    from icldiag.tui.run import run_app

    raise typer.Exit(run_app(prompt, model_settings(model, device, dtype, revision, trust_remote_code), ascii_only))
