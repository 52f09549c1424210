"""Whether several models fit, told before any of them is loaded. They are loaded one after the other, so each needs the
memory alone."""

from __future__ import annotations

from collections.abc import Sequence

from icldiag.errors import ModelError, PromptError
from icldiag.model.free_memory import free_memory
from icldiag.model.load import load_config, load_tokenizer
from icldiag.model.memory import dtype_name, gib, require_memory, sizes_of, work_of
from icldiag.model.placement import choose_device
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.reader import Reader
from icldiag.prompt.schema import Prompt
from icldiag.quoting import quoted


def require_room(models: Sequence[ModelSettings], prompt: Prompt) -> tuple[str, ...]:
    """What the weights and an analysis of each model take, a sentence a model.

    Raises:
        PromptError: a model's tokenizer cannot take the prompt, or cannot tell two label words apart.
        ModelError: the weights of one or several do not fit, with the setting that would make each fit.
    """
    encoded = [encoded_for(prompt, load_tokenizer(settings), settings.name) for settings in models]
    told, refused = [], []
    for settings, each in zip(models, encoded, strict=True):
        config, device = load_config(settings), choose_device(settings)
        try:
            require_memory(settings, config, device)
        except ModelError as error:
            refused.append(str(error))
            continue
        sizes, dtype = sizes_of(config, settings.trust_remote_code), dtype_name(settings, config, device)
        weights, free = sizes.weights(dtype, settings.quantize), free_memory(device)
        analysis = work_of(each).analyses(sizes, dtype, device, max(0, free - weights))["prediction"]
        told.append(
            f"model {quoted(settings.name)}: {gib(weights)} of weights in {dtype} and about {gib(analysis)} for an "
            f"analysis, {gib(free)} free on {device}"
        )
    if refused:
        raise ModelError("; ".join(refused))
    return tuple(told)


def encoded_for(prompt: Prompt, reader: Reader, model: str) -> EncodedPrompt:
    """The prompt in a model's tokens. Raises PromptError, which names the model."""
    try:
        return encode(prompt, *reader)
    except PromptError as error:
        reason = f"on model {quoted(model)}: {error.message}"
        raise PromptError(reason, path=error.path, line=error.line, field=error.field) from None
