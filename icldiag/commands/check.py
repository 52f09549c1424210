"""`icldiag check`: is the prompt file valid, and how does a model's tokenizer cut it?"""

from __future__ import annotations

from icldiag.commands.options import OptionalModel, PromptPath, Revision, Trust, model_settings


def check(
    prompt: PromptPath,
    model: OptionalModel = None,
    revision: Revision = None,
    trust_remote_code: Trust = False,
) -> None:
    """Validate a prompt file; with a model, also show how it tokenizes."""
    from icldiag.prompt.schema import read_prompt

    written = read_prompt(prompt)

    from icldiag.check import describe, describe_tokens, describe_warnings

    if model is None:
        print(describe(written) + describe_warnings(written))
        return
    print(describe(written))
    print(describe_tokens(written, model_settings(model, "cpu", "auto", revision, trust_remote_code)))
