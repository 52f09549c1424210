"""Conversations that were made for chat models: no texts, so they are refused by name but where they are imported.

Taken for text, their turns' signs would end up in texts and label words.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError

_KEYS = (("role", "content"), ("from", "value"))  # of a message: as OpenAI and as ShareGPT write them
LISTS = ("messages", "conversations", "conversation", "prompt", "input")  # what a conversation is called in an object
_CHAT = (
    "write a prompt file with 'chat: true': the model's chat template then writes each demonstration as a user's and "
    "an assistant's turn, and 'instruction' as the system's"
)
_CURE = f"'icldiag import messages' makes a prompt of one; or {_CHAT}"
READ = ("<|im_start|>", "<|start_header_id|>")  # turns that are read as they are written
#: What opens a turn in the chat templates of known models.
_SIGNS = re.compile(
    r"<\|im_start\|>|<\|start_header_id\|>|<\|start_of_role\|>|<\|header_start\|>|<start_of_turn>|\[INST\]|"
    r"<\|START_OF_TURN_TOKEN\|>|<\|(?:system|user|assistant)\|>|<[|｜](?:User|Assistant)[|｜]>|<\|start\|>(?=\w+<\|)"
)
_NAME = "|".join(LISTS)
_MESSAGES = re.compile(rf'\s*(?:{{\s*"(?:{_NAME})"\s*:\s*)?\[\s*{{\s*"(?:role|content|from)"\s*:')

_PYTHON = re.compile(_MESSAGES.pattern.replace('"', "'"))


def is_conversation(value: Any) -> bool:
    """Whether it is a list of messages, each with a role and a content, or an object that holds such a list."""
    if isinstance(value, dict):
        return any(isinstance(value.get(name), list) and is_conversation(value[name]) for name in LISTS)
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and any(set(keys) <= set(one) for keys in _KEYS) for one in value)
    )


def refuse_conversation(value: Any, path: Path, line: int | None = None) -> None:
    """Raise PromptError where a value, or each of several, is a conversation."""
    several = isinstance(value, list) and bool(value) and all(is_conversation(one) for one in value)
    if several or is_conversation(value):
        raise PromptError(f"this is a conversation, a list of messages with roles; {_CURE}", path=path, line=line)


def is_written_conversation(text: str) -> bool:
    """Whether a text is a list of messages as JSON."""
    return _MESSAGES.match(text) is not None


def refuse_turns(text: str, path: Path | None, *, but: str = "") -> None:
    """Raise PromptError where a text is a conversation, as JSON or as a chat template wrote it.

    Args:
        but: a template that was given: signs that it holds are told apart from the texts.
    """
    if is_written_conversation(text):
        raise PromptError(f"this is a conversation, a list of messages with roles; {_CURE}", path=path)
    if _PYTHON.match(text):
        cure = "write them with json.dumps(messages), for 'icldiag import messages'"
        raise PromptError(f"these are messages as Python prints them, and no JSON; {cure}", path=path)
    found = next((sign for sign in _SIGNS.finditer(text) if sign[0] not in but), None)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1 if path else None
        reason = f"{found[0]!r} opens a turn of a conversation, as a chat model's template wrote it; "
        cure = _CURE if found[0] in READ else f"give its messages as JSON to 'icldiag import messages', or {_CHAT}"
        raise PromptError(f"{reason}{cure}, or give --template with the turns in it", path=path, line=line)
