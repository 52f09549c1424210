"""What an importer is, and the options that several share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from icldiag.prompt.schema import Prompt

MoreLabels = Annotated[str | None, typer.Option("--labels", help="Classes that no demonstration has: a,b,c.")]
TextColumn = Annotated[str, typer.Option("--text", metavar="COLUMN", help="The data file's column of texts.")]
LabelColumn = Annotated[
    str | None, typer.Option("--label", metavar="COLUMN", help="Its column of labels; 'label' if it is there.")
]
IdColumn = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="Its column of ids; 'id' if it is there.")]
Split = Annotated[str | None, typer.Option(help="A datasets folder's split.")]


@dataclass(frozen=True)
class Import:
    """A prompt, and what its user should know of how it was made."""

    prompt: Prompt
    notes: tuple[str, ...] = ()
    guessed: bool = False  # whether the template was inferred, so that a user should look at it


@dataclass(frozen=True)
class Importer:
    """One foreign format.

    Args:
        read: its parameters are the command's arguments and options, as typer reads them, and its docstring the help.
            With the file's path alone it must work where `recognises` is true. Raises PromptError.
        guesses: whether it may infer a template, which is then confirmed.
        recognises: whether a file that is opened as a prompt is of this format.
    """

    read: Callable[..., Import]
    guesses: bool = False
    recognises: Callable[[Path], bool] = lambda path: False


def names(listed: str | None) -> list[str]:
    """The names in a list such as `a, b,c`."""
    return [name.strip() for name in listed.split(",") if name.strip()] if listed else []


def unescaped(option: str | None) -> str | None:
    r"""An option in which \n and \t stand for a line break and a tab."""
    return None if option is None else option.replace("\\n", "\n").replace("\\t", "\t")
