"""Conversations with the same demonstrations -> a `Prompt` with `chat: true`, which writes the same turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.inputs.json_text import parse_json
from icldiag.prompt.chat import chat_parts, messages
from icldiag.prompt.conversation import READ, is_written_conversation, refuse_turns
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.source import json_rows
from icldiag.prompt.spaces import plain_lines
from icldiag.prompt.turns import Conversation, conversation, is_written, messages_in, turns_of, written_turns
from icldiag.prompt.zero_shot import ZERO_SHOT, around, is_free_text
from icldiag.quoting import listed, quoted

_LONGEST = 80  # characters of a label; longer answers are free text
_GOLD = ("ideal", "label", "target", "expected")  # what the right answer is called beside a conversation


@dataclass(frozen=True)
class Chats:
    """A prompt, the conversations that it writes, one for each query, and notes."""

    prompt: Prompt
    conversations: tuple[Conversation, ...]
    notes: tuple[str, ...]


def read_chats(text: str, path: Path | None, more_labels: Sequence[str] = ()) -> Chats:
    """One conversation, or several with the same demonstrations: JSON, JSONL, or as ChatML or Llama 3 writes it.

    Raises:
        PromptError: it is none, shows no demonstration, or its answers are no labels.
    """
    if is_written(text):
        found = [replace(conversation(written_turns(text, path), path), text=text.strip())]
        return as_chats(found, path, more_labels)
    rows = [(line, _request(row)) for line, row in _rows(text, path)]
    notes: Counter[str] = Counter()
    found, several, of_turn = [], 0, None
    for line, row in rows:
        inner = messages_in(row)
        if inner is None:
            raise PromptError("expected a list of messages, each with a role and a content", path=path, line=line)
        one = conversation(turns_of(inner, path, line), path, line)
        last = (one.answer or "").strip() or None  # of the last turn, where it is the assistant's
        if isinstance(row, dict):
            gold, name = _gold(row, path, line), row.get("id")
            if last is not None and gold is not None and last != gold.strip():
                reason = f"the last turn answers {quoted(last)}, and beside the messages {quoted(gold)} is right"
                raise PromptError(f"{reason}; keep one of them", path=path, line=line)
            of_turn = last if gold is None else None
            one = replace(one, answer=last if gold is None else gold, id=None if name is None else str(name))
            notes.update(name for name, value in row.items() if value is not inner and name not in (*_GOLD, "id"))
            several += gold is None and any(isinstance(row.get(name), list) for name in _GOLD)
        else:
            of_turn = last
        found.append(one)
    told = [f"not read: {', '.join(map(repr, notes))} beside the messages"] if notes else []
    if several:
        told.append(f"{counted(several, 'conversation')} without one single right answer: no gold label")
    if of_turn is not None and len(found) == 1:
        told.append(f"the last turn, {quoted(of_turn)}, is taken for the right label of the query before it")
    return as_chats(found, path, more_labels, told)


def _gold(row: Mapping[str, Any], path: Path | None, line: int | None) -> str | None:
    """The right answer beside a conversation, a text or a list of one; None without one. Raises PromptError: two."""
    golds: dict[str, str] = {}
    for name in _GOLD:
        value = row.get(name)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, str):
            golds.setdefault(value, name)
    if len(golds) > 1:
        both = " and ".join(f"{quoted(value)} ({name!r})" for value, name in islice(golds.items(), 2))
        raise PromptError(f"the right answer is said to be {both}; keep one of them", path=path, line=line)
    return next(iter(golds), None)


def _rows(text: str, path: Path | None) -> list[tuple[int | None, Any]]:
    where = path or Path("stdin")
    try:
        value, _ = parse_json(text, where)
    except PromptError:
        if not is_written_conversation(text):
            _refuse_unread(text, path)
        if text.lstrip()[:1] not in ("[", "{"):
            reason = "this is no conversation, neither as JSON nor in turns as ChatML or Llama 3 writes them; "
            cure = "'icldiag import text' takes a prompt that is text"
            raise PromptError(reason + cure, path=path) from None
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [(line, row) for line, row, _ in json_rows(text.split("\n"), where)]
    several = isinstance(value, list) and bool(value) and all(messages_in(one) is not None for one in value)
    return [(None, one) for one in value] if several else [(None, value)]


def _refuse_unread(text: str, path: Path | None) -> None:
    """Raise PromptError where these are turns that are not read."""
    begins = [place for sign in READ if (place := text.find(sign)) >= 0]
    if begins:
        reason = f"{quoted(text[: min(begins)].strip())} stands before the first turn; keep the turns alone"
        raise PromptError(reason, path=path)
    refuse_turns(text, path)


def _request(row: Any) -> Any:
    """What a line of OpenAI's batches asks for, with its id; anything else as it is."""
    body = row.get("body") if isinstance(row, dict) and messages_in(row) is None else None
    return {**body, "id": row.get("custom_id")} if isinstance(body, dict) else row


def as_chats(
    found: Sequence[Conversation], path: Path | None, more_labels: Sequence[str] = (), notes: Sequence[str] = ()
) -> Chats:
    """The prompt that writes these conversations. Raises PromptError as `read_chats`."""
    first = found[0]
    other = next(
        (number for number, one in enumerate(found) if (one.system, one.shown) != (first.system, first.shown)), 0
    )
    if other:
        reason = (
            f"conversation {other + 1} has other demonstrations than the first, and a prompt shows all queries the "
        )
        raise PromptError(f"{reason}same; put those with the same into a file of their own", path=path)
    words = list(dict.fromkeys([answer for _, answer in first.shown]))
    free = next((word for word in words if len(word) > _LONGEST or "\n" in word.strip()), None)
    if free is not None:
        raise PromptError(f"the assistant's answer {quoted(free)} is free text and no label", path=path)
    names = [word.strip() for word in words]
    golds = [one.answer.strip() for one in found if one.answer is not None]
    if not words and is_free_text(golds):
        raise PromptError("the right answers are free text, so there are no labels to compare", path=path)
    unshown = [name for name in dict.fromkeys([*more_labels, *golds]) if name not in names]
    wrong = next((name for name in unshown if len(name) > _LONGEST or "\n" in name), None)
    if wrong is not None:
        raise PromptError(f"the answer {quoted(wrong)} is free text and no label", path=path)
    words, names = [*words, *unshown], [*names, *unshown]
    if len(names) < 2:
        reason = f"all answers are {quoted(names[0])}" if names else "no right answer is given"
        if not first.shown:
            reason = f"there is no demonstration before the last user's turn (zero-shot), and {reason}"
        raise PromptError(f"{reason}; name other labels with --labels", path=path)
    if not all(names) or len(set(names)) < len(names):
        raise PromptError(f"the answers are no different words: {listed(map(quoted, words))}", path=path)
    before, between = around([user for user, _ in first.shown] + [one.query for one in found])
    stop = -len(between) or None
    classes = {name: index for index, name in enumerate(names)}

    def example(user: str, answer: str | None, id: str | None = None) -> Example:
        return Example(user[len(before) : stop], None if answer is None else classes[answer.strip()], id)

    prompt = Prompt(
        name=path.stem if path else "pasted",
        template=f"{before}{{text}}{between}{{label}}",
        separator="\n",
        labels=tuple(map(Label, names, words)),
        demonstrations=tuple(example(user, answer) for user, answer in first.shown),
        queries=tuple(example(one.query, one.answer, one.id) for one in found),
        instruction=first.system,
        chat=True,
        path=path,
    )
    for one, query in zip(found, prompt.queries, strict=True):
        if messages(prompt, query) != one.messages:
            raise PromptError("these turns cannot be written by a template and texts", path=path)
    told = [*notes]
    if not first.shown:
        told.append(ZERO_SHOT)
    return Chats(prompt, tuple(found), tuple(told))


def require_same_tokens(chats: Chats, tokenizer: Any) -> int:
    """How many tokens the first query's prompt has, which are those of the conversation as it was given.

    Raises:
        PromptError: this model's chat template writes other turns than the text that was given.
    """
    first, prompt = chats.conversations[0], chats.prompt.with_queries(chats.prompt.queries[:1])
    rendered = chat_parts(prompt, tokenizer).texts()[0]
    if first.text is None:
        given = str(tokenizer.apply_chat_template(first.messages, tokenize=False, add_generation_prompt=True))
    else:
        begins = tokenizer.bos_token if tokenizer.bos_token and rendered.startswith(tokenizer.bos_token) else ""
        given = begins + plain_lines(first.text).removeprefix(begins)
        written = [
            str(tokenizer.apply_chat_template(first.messages, tokenize=False, add_generation_prompt=asked))
            for asked in (False, True)
        ]
        asks = written[1].removeprefix(written[0]).strip()
        left = rendered.removeprefix(given.rstrip("\n")).strip()
        if rendered.startswith(given.rstrip("\n")) and left in ("", asks):
            given = rendered  # the line break at the end, or the sign that asks, was not pasted
    ids = [tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] for text in (rendered, given)]
    if ids[0] != ids[1]:
        place = next((i for i, (a, b) in enumerate(zip(rendered, given, strict=False)) if a != b), 0)
        raise PromptError(
            f"this model's chat template writes these turns otherwise: {quoted(rendered[place : place + 40])}, where "
            f"the text has {quoted(given[place : place + 40])}; take the model that the text was written for",
            path=prompt.path,
        )
    return len(ids[0])
