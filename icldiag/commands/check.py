"""`icldiag check`: is the prompt file valid, and how does a model's tokenizer cut it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from icldiag.commands.model_options import takes_model
from icldiag.commands.options import PromptPath

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


@takes_model
def check(
    prompt: PromptPath,
    answers: Annotated[
        bool, typer.Option("--answers", help="Also load the weights: label mass, what is written, scorings.")
    ] = False,
    model: ModelSettings | None = None,
) -> None:
    """Validate a prompt file; with a model, also show how it tokenizes."""
    from icldiag.check import describe, describe_answers, describe_tokens, describe_warnings
    from icldiag.errors import UsageError
    from icldiag.model.placement import choose_device
    from icldiag.prompt.read import read_prompt

    if answers and model is None:
        raise UsageError("--answers asks a model; name one with --model")
    written = read_prompt(prompt)
    if model is not None and (model.device, model.dtype, model.quantize, model.device_map) != (
        "auto",
        "auto",
        None,
        None,
    ):
        choose_device(model)  # where the model cannot run, a check that passed would mislead
    print(describe(written) + (describe_warnings(written) if model is None else ""))
    if model is not None:
        print(describe_tokens(written, model))
        if answers:
            print(describe_answers(written, model))
