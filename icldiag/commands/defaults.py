"""Options before a command are the command's: `icldiag --model X report P` is `icldiag report P --model X`."""

from __future__ import annotations

from typing import Any, cast

import typer

from icldiag.errors import UsageError

_BEFORE = "icldiag.commands.defaults"  # the key of what was given, in what click's nested contexts share


def give_defaults(context: typer.Context, name: str) -> None:
    """Make the options given before the command `name` its defaults, or its subcommands'; those given after it win."""
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name is not None
        and getattr(context.get_parameter_source(parameter.name), "name", "") == "COMMANDLINE"
    ]
    values: dict[str, Any] = {str(parameter.name): context.params[str(parameter.name)] for parameter in given}
    command = cast(Any, context.command).get_command(context, name)
    within = getattr(command, "commands", None)  # of a group
    context.default_map = {name: values if within is None else dict.fromkeys(within, values)}
    context.meta[_BEFORE] = {parameter.name: parameter.opts[0] for parameter in given}


def require_options(context: Any) -> None:
    """Raise IcldiagError where the command has no such option as was given before it: it would be lost."""
    known = {parameter.name for parameter in context.command.params}
    for name, option in context.meta.get(_BEFORE, {}).items():
        if name not in known:
            raise UsageError(f"{context.command_path} has no option {option}; leave it out")
