"""`icldiag import`: a command for each importer, made of its `read`, with where to write."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_type_hints

import typer

from icldiag.commands.completions import models
from icldiag.commands.options import Force, Output, Yes
from icldiag.prompt.importers import importers
from icldiag.prompt.importers.importer import Import, Importer


def import_commands() -> dict[str, Callable[..., None]]:
    """The commands of the table, by their names."""
    return {name: _command(importer) for name, importer in importers()}


def _command(importer: Importer) -> Callable[..., None]:
    own = inspect.signature(importer.read)
    hints = get_type_hints(importer.read, include_extras=True)
    added: dict[str, tuple[Any, Any]] = {"output": (Output, None), "yes": (Yes, False), "force": (Force, False)}
    if not importer.guesses:
        del added["yes"]
    if importer.in_turns:
        added["model"] = (
            Annotated[
                str | None, typer.Option(autocompletion=models, help="Compare turns with this model's chat template.")
            ],
            None,
        )

    def command(**given: Any) -> None:
        from icldiag.commands.prompt_output import output_prompt
        from icldiag.inputs.sources import sources

        output, yes, force = given.pop("output"), given.pop("yes", False), given.pop("force")
        model = given.pop("model", None)
        with sources() as read:
            found = importer.read(**given)
        read.refuse(output)
        notes = [*found.notes, *_compared(found, model)]
        output_prompt(found.prompt, notes, output, ask=found.guessed and not yes, force=force)

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in added.items()
    ]
    parameters = [value.replace(annotation=hints[name]) for name, value in own.parameters.items()]
    signed: Any = command  # functions have this attribute only once it is set
    signed.__signature__ = inspect.Signature([*parameters, *options])
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*parameters, *options]}
    command.__doc__ = importer.read.__doc__
    return command


def _compared(found: Import, model: str | None) -> Iterator[str]:
    """What a model's chat template says of a conversation. Raises PromptError: it writes another."""
    if found.check is None:
        return
    if model is None:
        yield "not compared with a model's chat template; --model NAME does"
        return
    from icldiag.model.load import load_tokenizer
    from icldiag.model.settings import ModelSettings

    yield found.check(load_tokenizer(ModelSettings(model)).tokenizer)
