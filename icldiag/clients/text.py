"""The prompt as plain text and as messages, with a placeholder or a text where the query stands."""

from __future__ import annotations

import re
from typing import Any

from icldiag.errors import AnalysisError, WrongRequest
from icldiag.prompt.chat import messages
from icldiag.prompt.encode import prompt_parts
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.template import in_braces
from icldiag.quoting import quoted

PLACEHOLDER = "{text}"


def prompt_text(prompt: Prompt, tokenizer: Any, query: Example) -> str:
    """The whole prompt that asks for the label of a query, as the model reads it. Raises PromptError."""
    return prompt_parts(prompt.with_queries([query]), tokenizer).texts()[0]


def prompt_messages(prompt: Prompt, query: Example) -> list[dict[str, str]]:
    """The same as the turns of a conversation; label words without the space that a plain prompt writes before them."""
    turns = messages(prompt, query)
    return turns if prompt.chat else [{**turn, "content": turn["content"].strip()} for turn in turns]


def placeholders(prompt: Prompt, placeholder: str = PLACEHOLDER) -> Example:
    """A query with a sign for each text: the placeholder, or its own name in braces for each of several fields.

    Raises:
        AnalysisError: another placeholder is asked for, and the template has several fields.
    """
    if len(prompt.fields) == 1:
        return prompt.example(placeholder)
    if placeholder != PLACEHOLDER:
        signs = in_braces(prompt.fields)
        raise WrongRequest(f"the template has several fields, which {signs} stand for; leave out --placeholder")
    return prompt.example({name: in_braces([name]) for name in prompt.fields})


def text_with_placeholder(prompt: Prompt, tokenizer: Any, placeholder: str = PLACEHOLDER) -> str:
    """The prompt's text with a placeholder for each text of the query.

    Raises:
        AnalysisError: the placeholder is empty, or stands in the prompt elsewhere too.
    """
    signs = placeholders(prompt, placeholder)
    written = prompt_text(prompt, tokenizer, signs)
    _require_once(written, signs)
    return written


def messages_with_placeholder(prompt: Prompt, placeholder: str = PLACEHOLDER) -> list[dict[str, str]]:
    """The prompt's messages with a placeholder for the query. Raises AnalysisError as `text_with_placeholder`."""
    signs = placeholders(prompt, placeholder)
    turns = prompt_messages(prompt, signs)
    _require_once("\0".join(turn["content"] for turn in turns), signs)
    return turns


def _require_once(written: str, signs: Example) -> None:
    wrong = next((sign for sign in signs.texts if not sign or written.count(sign) != 1), None)
    if wrong is not None:
        cure = "with --placeholder" if len(signs.texts) == 1 else "by another name of the field"
        raise AnalysisError(
            f"the placeholder {quoted(wrong)} does not stand for the query alone; choose one that the prompt "
            f"has nowhere else {cure}"
        )


def with_texts(written: str, query: Example, placeholder: str = PLACEHOLDER) -> str:
    """What was written with placeholders, with a query's own texts in their places."""
    signs = {in_braces([name]): text for name, text in query.fields} or {placeholder: query.text}
    if len(signs) == 1:
        signs = {placeholder: query.text}
    pattern = re.compile("|".join(map(re.escape, signs)))
    return pattern.sub(lambda found: signs[found[0]], written)
