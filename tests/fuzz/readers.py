"""All readers of what comes from outside, by name."""

from __future__ import annotations

from functools import cache

from tests.fuzz.commands import command_readers
from tests.fuzz.own_files import own_readers
from tests.fuzz.prompts import prompt_readers
from tests.fuzz.reader import Reader

NAMES = (
    *("prompt-yaml", "prompt-json", "prompt-data", "table", "layers", "lm-eval-samples", "lm-eval-results"),
    *("langchain-json", "langchain-yaml", "text", "sweep", "config", "session", "report", "beta", "store", "cell"),
    *("chat-template", "commands", "sources"),
)


@cache
def readers() -> dict[str, Reader]:
    """Made when they are asked for, as their inputs are written by the product."""
    found = {reader.name: reader for reader in (*prompt_readers(), *own_readers(), *command_readers())}
    assert tuple(found) == NAMES
    return found
