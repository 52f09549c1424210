"""The prompt as plain text and as messages, with a placeholder or a text where the query stands."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from icldiag.errors import AnalysisError
from icldiag.prompt.chat import messages
from icldiag.prompt.encode import prompt_parts
from icldiag.prompt.schema import Example, Prompt
from icldiag.quoting import quoted

PLACEHOLDER = "{text}"


def prompt_text(prompt: Prompt, tokenizer: Any, text: str) -> str:
    """The whole prompt that asks for the label of a text, as the model reads it. Raises PromptError."""
    return prompt_parts(prompt.with_queries([Example(text, None)]), tokenizer).texts()[0]


def prompt_messages(prompt: Prompt, text: str) -> list[dict[str, str]]:
    """The same as the turns of a conversation; label words without the space that a plain prompt writes before them."""
    turns = messages(prompt, text)
    return turns if prompt.chat else [{**turn, "content": turn["content"].strip()} for turn in turns]


def text_with_placeholder(prompt: Prompt, tokenizer: Any, placeholder: str = PLACEHOLDER) -> str:
    """The prompt's text with a placeholder for the query.

    Raises:
        AnalysisError: the placeholder is empty, or stands in the prompt elsewhere too.
    """
    written = prompt_text(prompt, tokenizer, placeholder)
    _require_once(written, placeholder)
    return written


def messages_with_placeholder(prompt: Prompt, placeholder: str = PLACEHOLDER) -> list[dict[str, str]]:
    """The prompt's messages with a placeholder for the query. Raises AnalysisError as `text_with_placeholder`."""
    turns = prompt_messages(prompt, placeholder)
    _require_once("\0".join(turn["content"] for turn in turns), placeholder)
    return turns


def _require_once(written: str, placeholder: str) -> None:
    if not placeholder or written.count(placeholder) != 1:
        raise AnalysisError(
            f"the placeholder {quoted(placeholder)} does not stand for the query alone; choose one that the prompt "
            "has nowhere else with --placeholder"
        )


def filled(prompt: Prompt, tokenizer: Any, texts: Iterable[str], *, as_messages: bool) -> Iterable[str]:
    """A JSON line for each text: {"text", "prompt"} or {"text", "messages"}. Raises PromptError."""
    for text in texts:
        row: dict[str, Any] = {"text": text}
        if as_messages:
            row["messages"] = prompt_messages(prompt, text)
        else:
            row["prompt"] = prompt_text(prompt, tokenizer, text)
        yield json.dumps(row, ensure_ascii=False) + "\n"
