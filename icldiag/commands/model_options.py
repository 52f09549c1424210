"""Which model, where and how: one set of options, which a command takes as one argument of type `ModelSettings`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from icldiag.commands.completions import models, one_of
from icldiag.errors import UsageError

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings

NAME = Annotated[
    str,
    typer.Option(
        "--model",
        autocompletion=models,
        help="'bundled', 'smollm2', a Hugging Face name, a local folder, or a GGUF file.",
    ),
]
OPTIONAL_NAME = Annotated[
    str | None, typer.Option("--model", autocompletion=models, help="As in the other commands; none by default.")
]

_DTYPES = ("auto", "float32", "float16", "bfloat16", "float64")

#: Fields of `ModelSettings` beside its name -> the command's option and its default.
OPTIONS: dict[str, tuple[Any, Any]] = {
    "device": (
        Annotated[
            str,
            typer.Option(
                "--device", autocompletion=one_of("auto", "cpu", "cuda", "mps"), help="auto, cpu, cuda, cuda:1, mps."
            ),
        ],
        "auto",
    ),
    "dtype": (
        Annotated[str, typer.Option("--dtype", autocompletion=one_of(*_DTYPES), help=f"{', '.join(_DTYPES)}.")],
        "auto",
    ),
    "revision": (Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit on the hub.")], None),
    "trust_remote_code": (
        Annotated[bool, typer.Option("--trust-remote-code", help="Run model code from the hub. Off by default.")],
        False,
    ),
    "device_map": (
        Annotated[str | None, typer.Option("--device-map", help="'auto' spreads the layers over GPUs, CPU and disk.")],
        None,
    ),
    "quantize": (
        Annotated[int | None, typer.Option("--quantize", help="Bits of a weight, 8 or 4, on a CUDA GPU.")],
        None,
    ),
    "compile": (Annotated[bool, typer.Option("--compile", help="torch.compile the MLPs; slow to start.")], False),
}


def takes_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options in place of its parameter `model`, a `ModelSettings`.

    Where the parameter's default is None no model need be named, and the command is then called with None.
    """
    own = inspect.signature(command)
    hints = get_type_hints(command, localns={"ModelSettings": object}, include_extras=True)
    optional = own.parameters["model"].default is None

    @wraps(command)
    def with_options(**given: Any) -> None:
        from icldiag.model.settings import ModelSettings

        name, others = given.pop("model"), {field: given.pop(field) for field in OPTIONS}
        if name is None:
            _refuse_unused(others)
        command(**given, model=None if name is None else ModelSettings(name, **others))

    annotations = {"model": OPTIONAL_NAME if optional else NAME} | {name: kind for name, (kind, _) in OPTIONS.items()}
    defaults = {"model": None if optional else "bundled"} | {name: default for name, (_, default) in OPTIONS.items()}
    parameters = []
    for parameter in own.parameters.values():
        names = annotations if parameter.name == "model" else [parameter.name]
        parameters += [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults[name] if parameter.name == "model" else parameter.default,
                annotation=annotations[name] if parameter.name == "model" else hints[name],
            )
            for name in names
        ]
    signed: Any = with_options  # functions have this attribute only once it is set
    signed.__signature__ = inspect.Signature(parameters)
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del with_options.__wrapped__  # else the signature that is read is the command's own
    return with_options


def _refuse_unused(given: dict[str, Any]) -> None:
    """Raise IcldiagError for options of a model where none is named: nothing would check or use them."""
    for field, (_, default) in OPTIONS.items():
        if given[field] != default:
            raise UsageError(f"--{field.replace('_', '-')} is for a model; name it with --model NAME")


def as_arguments(settings: ModelSettings) -> list[str]:
    """The options that give these settings."""
    words = ["--model", settings.name]
    for field in OPTIONS:
        value, option = getattr(settings, field), f"--{field.replace('_', '-')}"
        if value is not None and value is not False:
            words += [option] if value is True else [option, str(value)]
    return words
