"""An option that takes one value is given once: of two, the parser would keep the last and say nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer.core import TyperCommand, TyperGroup

from icldiag.commands.defaults import require_options
from icldiag.commands.endings import own_endings
from icldiag.errors import UsageError

_CURES = {"--text": "name each column of several texts with --field, where the command has it"}


class RepeatedOption(UsageError):
    """An option that takes one value has two."""


def refuse_repeated(command: Any, context: Any, arguments: list[str]) -> None:
    """Raise RepeatedOption, which names the option, where one would lose a value."""
    _, _, given = command.make_parser(context).parse_args(args=list(arguments))
    for option, count in Counter(given).items():
        if count > 1 and _loses_one(option):
            name = "/".join(max(names, key=len) for names in (option.opts, option.secondary_opts) if names)
            cure = _CURES.get(name, "keep the one that you mean")
            raise RepeatedOption(f"{name} is given {'twice' if count == 2 else f'{count} times'}; {cure}")


def _loses_one(parameter: Any) -> bool:
    """Whether a second value replaces the first: not where all are kept, nor where a flag has but one."""
    if parameter.param_type_name != "option" or parameter.multiple or parameter.count:
        return False
    return bool(parameter.secondary_opts) or not parameter.is_flag


class StrictCommand(TyperCommand):
    """A command whose options that take one value are given once, and which has all that were given before it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        refuse_repeated(self, ctx, args)
        rest = super().parse_args(ctx, args)
        require_options(ctx)
        return rest


class StrictGroup(TyperGroup):
    """The same of the options before a command, and ends of commands that are ours."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with own_endings():
            return super().invoke(ctx)
