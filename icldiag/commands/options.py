"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

PromptPath = Annotated[Path, typer.Argument(metavar="PROMPT", help="A prompt file (YAML, JSON), or lm-eval samples.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write here; - prints.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether an inferred template is right.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output file.")]
MoreLabels = Annotated[str | None, typer.Option("--labels", help="Classes that no demonstration has: a,b,c.")]
TextColumn = Annotated[str, typer.Option("--text", metavar="COLUMN", help="The data file's column of texts.")]
LabelColumn = Annotated[
    str | None, typer.Option("--label", metavar="COLUMN", help="Its column of labels; 'label' if it is there.")
]
IdColumn = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="Its column of ids; 'id' if it is there.")]
Split = Annotated[str | None, typer.Option(help="A datasets folder's split.")]
FigureType = Annotated[Literal["svg", "png", "pdf"], typer.Option(help="Of the figures' files.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]


def names(listed: str | None) -> list[str]:
    """The names in a list such as `a, b,c`."""
    return [name.strip() for name in listed.split(",") if name.strip()] if listed else []


def unescaped(option: str | None) -> str | None:
    r"""An option in which \n and \t stand for a line break and a tab."""
    return None if option is None else option.replace("\\n", "\n").replace("\\t", "\t")
