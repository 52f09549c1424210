"""`icldiag open`: the app on a prompt file."""

from __future__ import annotations

import typer

from icldiag.commands.options import (
    Ascii,
    Compile,
    Device,
    DeviceMap,
    Dtype,
    Model,
    PromptPath,
    Quantize,
    Revision,
    Trust,
    model_settings,
)


def open_app(
    prompt: PromptPath,
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    ascii_only: Ascii = False,
    device_map: DeviceMap = None,
    quantize: Quantize = None,
    compiled: Compile = False,
) -> None:
    """Open the app on a prompt file."""
    from icldiag.tui.run import run_app

    raise typer.Exit(
        run_app(
            prompt,
            model_settings(model, device, dtype, revision, trust_remote_code, device_map, quantize, compiled),
            ascii_only,
        )
    )
