"""Options before a command are the command's: `icldiag --model X report P` is `icldiag report P --model X`."""

from __future__ import annotations

from typing import Any, cast

import typer

from icldiag.errors import IcldiagError


def give_defaults(context: typer.Context, name: str) -> None:
    """Make the options given before the command `name` its defaults; those given after it win.

    Raises:
        IcldiagError: the command has no such option, so what was asked for would be lost.
    """
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name is not None
        and getattr(context.get_parameter_source(parameter.name), "name", "") == "COMMANDLINE"
    ]
    command = cast(Any, context.command).get_command(context, name)
    known = {parameter.name for parameter in command.params}
    for parameter in given:
        if parameter.name not in known:
            raise IcldiagError(f"icldiag {name} has no option {parameter.opts[0]}; leave it out")
    context.default_map = {name: {str(parameter.name): context.params[str(parameter.name)] for parameter in given}}
