"""Conversations as they are found: OpenAI's and ShareGPT's messages, and what ChatML or Llama 3 makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.prompt.conversation import LISTS, is_conversation
from icldiag.prompt.spaces import plain_lines
from icldiag.quoting import quoted

_SPEAKERS = {"developer": "system", "human": "user", "gpt": "assistant", "model": "assistant"}
_CALLS = ("tool_calls", "function_call")
#: What a turn looks like in the text that a chat template writes; the last one may be open.
_WRITTEN = (
    re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>\n?|\Z)", re.DOTALL),
    re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n(.*?)(?:<\|eot_id\|>\n?|\Z)", re.DOTALL),
)
_BEGINNING = "<|begin_of_text|>"


@dataclass(frozen=True)
class Turn:
    """One message: who speaks (system, user, assistant), and what."""

    speaker: str
    text: str

    @property
    def message(self) -> dict[str, str]:
        return {"role": self.speaker, "content": self.text}


@dataclass(frozen=True)
class Conversation:
    """Demonstrations as pairs of a user's and an assistant's turn, and the user's turn that asks.

    `answer` is what follows it, if anything does; `text` is the conversation as it was written, of one that was text.
    """

    system: str | None
    shown: tuple[tuple[str, str], ...]
    query: str
    answer: str | None = None
    id: str | None = None
    text: str | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """Up to the query."""
        system = [] if self.system is None else [Turn("system", self.system)]
        pairs = [turn for user, answer in self.shown for turn in (Turn("user", user), Turn("assistant", answer))]
        return [turn.message for turn in (*system, *pairs, Turn("user", self.query))]


def turns_of(messages: Any, path: Path | None, line: int | None = None) -> list[Turn]:
    """A list of messages as turns. Raises PromptError: a message is no text, or speaks for a tool."""
    found = []
    for number, message in enumerate(messages, start=1):
        speaker = str(message.get("role", message.get("from")))
        speaker = _SPEAKERS.get(speaker, speaker)
        text = message.get("content", message.get("value"))
        if isinstance(text, list) and len(text) == 1 and isinstance(text[0], Mapping):  # OpenAI's content in parts
            text = text[0].get("text")
        reason = None
        if speaker not in ("system", "user", "assistant"):
            reason = f"the role {quoted(speaker)} is none of system, user and assistant"
        elif any(message.get(name) for name in _CALLS):
            reason = "it calls a tool; leave out the call and its answer, if the labels stand without them"
        elif message.get("name"):
            reason = (
                f"it has the name {quoted(str(message['name']))}, which chat templates do not write as a turn; leave "
                "the name out, and give what a user or an assistant says their role"
            )
        elif not isinstance(text, str):
            reason = "its content is not one text"
        if reason is not None:
            raise PromptError(f"message {number} cannot be a turn of a prompt: {reason}", path=path, line=line)
        found.append(Turn(speaker, str(text)))
    return found


def is_written(text: str) -> bool:
    """Whether a text is turns as ChatML or Llama 3 writes them."""
    begun = plain_lines(text).lstrip().removeprefix(_BEGINNING)
    return any(pattern.match(begun) for pattern in _WRITTEN)


def written_turns(text: str, path: Path | None) -> list[Turn]:
    """The turns of such a text. Raises PromptError: something stands between them."""
    text = plain_lines(text).strip().removeprefix(_BEGINNING)
    pattern = next(one for one in _WRITTEN if one.match(text))
    found, place = [], 0
    text += "\n" if re.search(r"(?:<\|im_start\|>\w+)\Z", text) else ""
    text += "\n\n" if text.endswith("<|end_header_id|>") else ""
    while place < len(text):
        turn = pattern.match(text, place)
        if turn is None:
            raise PromptError(f"{quoted(text[place : place + 40])} stands between two turns", path=path)
        found.append(Turn(_SPEAKERS.get(turn[1], turn[1]), turn[2]))
        place = turn.end()
    if found[-1] == Turn("assistant", ""):  # where the model is asked
        found.pop()
    return found


def conversation(turns: list[Turn], path: Path | None, line: int | None = None) -> Conversation:
    """Turns as demonstrations, of which a zero-shot conversation has none, and a query.

    Raises:
        PromptError: they do not take turns, or nothing is asked.
    """
    system = turns[0].text if turns and turns[0].speaker == "system" else None
    rest = turns[system is not None :]
    for number, turn in enumerate(rest):
        wanted = ("user", "assistant")[number % 2]
        if turn.speaker != wanted:
            place = number + 1 + (system is not None)
            reason = f"message {place} is of the {turn.speaker}, where the {wanted}'s is due"
            raise PromptError(f"{reason}; a demonstration is a user's turn and an assistant's", path=path, line=line)
    answer = rest.pop().text if rest and rest[-1].speaker == "assistant" else None
    if not rest:
        raise PromptError("there is no turn of the user, so nothing is asked", path=path, line=line)
    pairs = tuple((rest[place].text, rest[place + 1].text) for place in range(0, len(rest) - 1, 2))
    return Conversation(system, pairs, rest[-1].text, answer)


def messages_in(value: Any) -> Any:
    """The list of messages in an object that holds one, or the list itself; None where there is none."""
    if isinstance(value, Mapping):
        return next((value[name] for name in LISTS if is_conversation(value.get(name))), None)
    return value if is_conversation(value) else None
