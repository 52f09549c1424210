"""`icldiag serve`: the app in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from icldiag.commands.options import Device, Dtype, Model, PromptPath, Revision, Trust


def serve(
    prompt: PromptPath,
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback open it to others.")] = (
        "localhost"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    public_url: Annotated[str | None, typer.Option(help="What browsers open, as behind a proxy.")] = None,
) -> None:
    """Serve the app to browsers on this machine; needs the extra 'serve'."""
    from icldiag.prompt.schema import read_prompt
    from icldiag.serve import serve as serve_app

    read_prompt(prompt)  # a wrong prompt is told here, not in a page
    arguments = ["open", str(prompt), "--model", model, "--device", device, "--dtype", dtype]
    arguments += ["--revision", revision] if revision else []
    arguments += ["--trust-remote-code"] if trust_remote_code else []
    serve_app(arguments, host, port, public_url)
