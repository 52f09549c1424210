"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

PromptPath = Annotated[Path, typer.Argument(metavar="PROMPT", help="A prompt file (YAML, JSON), or lm-eval samples.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write here; - prints.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether an inferred template is right.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output file.")]
FigureType = Annotated[Literal["svg", "png", "pdf"], typer.Option(help="Of the figures' files.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]
