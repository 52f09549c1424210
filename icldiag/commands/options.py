"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from icldiag.commands.completions import models, prompts
from icldiag.errors import UsageError


def prompt_path(given: str) -> Path:
    """The prompt that an argument names, which may be a sample."""
    from icldiag.samples import file_or_sample

    return file_or_sample(Path(given))


PromptPath = Annotated[
    Path,
    typer.Argument(
        metavar="PROMPT",
        parser=prompt_path,
        autocompletion=prompts,
        help="A prompt file (YAML, JSON), lm-eval samples, or a sample's name.",
    ),
]
Beside = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="MODEL",
        autocompletion=models,
        help="Another model, which is asked too and shown beside it.",
    ),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write here; - prints.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether an inferred template is right.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output file.")]
FigureType = Annotated[Literal["svg", "png", "pdf"], typer.Option(help="Of the figures' files.")]
Ray = Annotated[
    str | None, typer.Option("--ray", metavar="ADDRESS", help="Run on a Ray cluster: an address, auto, or local.")
]
Workers = Annotated[int | None, typer.Option(help="With --ray: how many; by default one a GPU.", min=1)]
GpusPerWorker = Annotated[float | None, typer.Option(help="With --ray; by default one if there are any.", min=0)]
Ascii = Annotated[
    bool | None,
    typer.Option(
        "--ascii/--no-ascii", help="Draw with ASCII characters only; by default where the locale is not UTF-8."
    ),
]


def require_ray(ray: str | None, workers: int | None, gpus_per_worker: float | None) -> None:
    """Raise IcldiagError: there are options for a cluster, and there is none."""
    if ray is None and (workers or gpus_per_worker is not None):
        raise UsageError("--workers and --gpus-per-worker are for --ray; --ray local uses this machine alone")
