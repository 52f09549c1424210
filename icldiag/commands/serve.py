"""`icldiag serve`: the app in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from icldiag.commands.against import other
from icldiag.commands.model_options import as_arguments, takes_model
from icldiag.commands.options import Beside, PromptPath

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


@takes_model
def serve(
    prompt: PromptPath,
    *,
    model: ModelSettings,
    against: Beside = None,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback open it to others.")] = (
        "localhost"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    sessions: Annotated[int, typer.Option(help="Pages that may run an app at a time.", min=1)] = 4,
    public_url: Annotated[str | None, typer.Option(help="What browsers open, as behind a proxy.")] = None,
) -> None:
    """Serve the app to browsers on this machine. Needs the extra 'serve'."""
    from icldiag.prompt.read import read_prompt
    from icldiag.serve import serve as serve_app
    from icldiag.shipped import shown_name

    beside = [] if against is None else ["--against", other(model, against).name]
    read_prompt(prompt)  # a wrong prompt is told here, not in a page
    named = f"./{prompt}" if str(prompt).startswith("-") else str(prompt)  # else it would be read as an option
    what = " and ".join([f"{shown_name(prompt)} on {model.name}", *beside[1:]])
    serve_app(["open", named, *as_arguments(model), *beside], host, port, public_url, sessions, what)
