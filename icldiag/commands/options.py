"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
DeviceMap = Annotated[str | None, typer.Option(help="'auto' spreads the layers over GPUs, CPU and disk.")]
Quantize = Annotated[int | None, typer.Option(help="Bits of a weight, 8 or 4, on a CUDA GPU.")]
Compile = Annotated[bool, typer.Option("--compile", help="torch.compile the MLPs; slow to start.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write here instead of printing.")]
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


def model_settings(
    model: str,
    device: str,
    dtype: str,
    revision: str | None,
    trust: bool,
    device_map: str | None = None,
    quantize: int | None = None,
    compiled: bool = False,
) -> ModelSettings:
    """The options that say which model; imports nothing heavy before a command runs."""
    from icldiag.model.load import ModelSettings

    return ModelSettings(model, device, dtype, revision, trust, device_map, quantize, compiled)


def names(listed: str | None) -> list[str]:
    """The names in a list such as `a, b,c`."""
    return [name.strip() for name in listed.split(",") if name.strip()] if listed else []


def unescaped(option: str | None) -> str | None:
    r"""An option in which \n and \t stand for a line break and a tab."""
    return None if option is None else option.replace("\\n", "\n").replace("\\t", "\t")
