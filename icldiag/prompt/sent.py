"""What another tool sent to a model, text or messages, with the right answers -> the prompt that writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from icldiag.prompt.chats import Chats, as_chats
from icldiag.prompt.contexts import Context, changes, prompt_of
from icldiag.prompt.logged import Logged
from icldiag.prompt.schema import Prompt
from icldiag.prompt.turns import conversation, turns_of


@dataclass(frozen=True)
class Sent:
    """A prompt that was found in results or in a log; `chats` are its conversations where messages were sent."""

    prompt: Prompt
    chats: Chats | None
    notes: tuple[str, ...]
    logged: Logged | None = None  # what the run answered


def prompt_sent(
    contexts: Sequence[Context], messages: Sequence[Any | None], path: Path, more_labels: Sequence[str] = ()
) -> Sent:
    """
    Args:
        contexts: what was sent as text, with the right answers and ids.
        messages: the same as lists of messages; None where it was text.

    Raises:
        PromptError: as `prompt_of` and `as_chats`.
    """
    if all(one is not None for one in messages):
        found = [
            replace(conversation(turns_of(one, path), path), answer=context.gold, id=context.id)
            for one, context in zip(messages, contexts, strict=True)
        ]
        chats = as_chats(found, path, more_labels)
        return Sent(chats.prompt, chats, chats.notes)
    prompt = prompt_of(contexts, path, more_labels)
    return Sent(prompt, None, tuple(changes(contexts, prompt)))
