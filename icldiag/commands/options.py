"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from icldiag.model.load import ModelSettings

PromptPath = Annotated[Path, typer.Argument(metavar="PROMPT", help="A prompt file (YAML, JSON), or lm-eval samples.")]
Model = Annotated[str, typer.Option(help="'bundled', a Hugging Face name, or a local folder.")]
OptionalModel = Annotated[str | None, typer.Option("--model", help="As in the other commands; none by default.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[str, typer.Option(help="auto, float32, float16, bfloat16, float64.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Run model code from the hub. Off by default.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write here instead of printing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether an inferred template is right.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output file.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]


def model_settings(model: str, device: str, dtype: str, revision: str | None, trust: bool) -> ModelSettings:
    """The options that say which model; imports nothing heavy before a command runs."""
    from icldiag.model.load import ModelSettings

    return ModelSettings(model, device, dtype, revision, trust)
