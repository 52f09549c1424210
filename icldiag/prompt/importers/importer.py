"""What an importer is, and the options that several share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from icldiag.errors import UsageError
from icldiag.prompt.template import NO_TEXTS
from icldiag.quoting import shortened

if TYPE_CHECKING:
    from icldiag.prompt.logged import Logged
    from icldiag.prompt.schema import Prompt

_PART = re.compile(r'(?:"[^"]*"|[^,])+')
_PAIR = re.compile(r'(\s*"[^"]*"\s*|[^=]*)=(.*)', re.DOTALL)

MoreLabels = Annotated[
    str | None, typer.Option("--labels", help='Classes that no demonstration has: a,b,"c, with a comma".')
]
TextColumn = Annotated[str, typer.Option("--text", metavar="COLUMN", help="The data file's column of texts.")]
FieldColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="[NAME=]COLUMN", help="For each of several texts: its column, and its name in the template."
    ),
]
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
    #: Of turns: compares them with what a model's tokenizer writes, and says so; raises PromptError.
    check: Callable[[Any], str] | None = None

    logged: Logged | None = None  # of a log

    def __post_init__(self) -> None:
        from icldiag.prompt.choosable import choosable

        object.__setattr__(self, "prompt", replace(choosable(self.prompt), logged=self.logged))
        if self.logged is not None and self.logged.told not in self.notes:
            object.__setattr__(self, "notes", (*self.notes, self.logged.told))


@dataclass(frozen=True)
class Importer:
    """One foreign format.

    Args:
        read: its parameters are the command's arguments and options, as typer reads them, and its docstring the help.
            With the file's path alone it must work where `recognises` is true. Raises PromptError.
        guesses: whether it may infer a template, which is then confirmed.
        in_turns: whether it reads conversations, which `--model` then compares with its chat template.
        recognises: whether a file that is opened as a prompt is of this format.
    """

    read: Callable[..., Import]
    guesses: bool = False
    in_turns: bool = False
    recognises: Callable[[Path], bool] = lambda path: False


def columns(given: list[str] | None) -> dict[str, str]:
    """The columns that --field names, by the template's fields. Raises IcldiagError."""
    found: dict[str, str] = {}
    for one in given or ():
        name, sign, column = one.partition("=")
        if name in NO_TEXTS:
            taken = f"the name {name!r} is taken by an example's own {name}"
            raise UsageError(
                f"--field {shortened(one)}: {taken}; name the field otherwise, as in text={column or name}"
            )
        if not name.isidentifier() or not (column or not sign):
            cure = "a field's name is letters, digits and underscores: write NAME=COLUMN, as in premise=sentence1"
            raise UsageError(f"--field {shortened(one)}: {cure}")
        if name in found:
            raise UsageError(f"--field {shortened(name)} is given twice; keep the one that you mean")
        found[name] = column if sign else name
    return found


def names(listed: str | None) -> list[str]:
    """The names in a list such as `a, b,"c, d"`."""
    return [name for part in parts(listed) if (name := unquoted(part.strip()))]


def parts(listed: str | None) -> list[str]:
    """What commas part that are not between double quotes."""
    return _PART.findall(listed or "")


def pair(part: str) -> tuple[str, str] | None:
    """Of `label=word` both, each or together in double quotes where they hold a comma; None where one is missing."""
    whole = unquoted(part)
    found = _PAIR.fullmatch(part if '"' in whole else whole)
    name, word = (unquoted(found[1].strip()), unquoted(found[2])) if found else ("", "")
    return (name, word) if word.strip() else None


def unquoted(text: str) -> str:
    bare = text.strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == '"' else text


def unescaped(option: str | None) -> str | None:
    r"""An option in which \n and \t stand for a line break and a tab."""
    return None if option is None else option.replace("\\n", "\n").replace("\\t", "\t")
