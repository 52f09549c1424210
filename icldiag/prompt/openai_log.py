"""The log of a run of OpenAI's evals (`oaieval --record_path log.jsonl`): what was asked, and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.prompt.contexts import Context
from icldiag.prompt.logged import Logged
from icldiag.prompt.sent import Sent, prompt_sent
from icldiag.prompt.source import read_rows
from icldiag.prompt.turns import messages_in


def is_log(row: Any) -> bool:
    """Whether a log begins with this row; samples have neither key."""
    return isinstance(row, Mapping) and isinstance(row.get("spec"), Mapping) and "eval_name" in row["spec"]


def read_openai_log(path: Path, more_labels: Sequence[str] = ()) -> tuple[Sent, str]:
    """The prompt that asks each sample as the run did, few-shot examples included, and how the run went, in words.

    Raises:
        PromptError: no sample was asked anything, or what was asked is no few-shot classification.
    """
    asked: dict[str, Mapping[str, Any]] = {}
    matches: dict[str, Mapping[str, Any]] = {}
    for line, row in read_rows(path, finite=False):
        data = row.get("data")
        if row.get("type") not in ("sampling", "match"):
            continue
        if not isinstance(data, Mapping) or not isinstance(row.get("sample_id"), str):
            raise PromptError("an event without 'sample_id' or 'data'", path=path, line=line)
        if row["type"] == "match":
            matches.setdefault(row["sample_id"], data)
        else:  # the first: a grader's question to a model would follow it
            asked.setdefault(row["sample_id"], data)
    if not asked:
        reason = "the log holds no event of type 'sampling', so it does not say what was asked"
        raise PromptError(f"{reason}; import the eval's samples", path=path)
    ids = sorted(asked, key=_place)  # threads answer in any order
    prompts = [asked[id].get("prompt") for id in ids]
    contexts = [
        Context(_text(prompt), _expected(matches.get(id, {})), id) for id, prompt in zip(ids, prompts, strict=True)
    ]
    sent = prompt_sent(contexts, [messages_in(prompt) for prompt in prompts], path, more_labels)
    answers = {id: _only(asked[id].get("sampled")) for id in ids}
    sent = replace(sent, logged=Logged.of("OpenAI's evals", asked[ids[0]].get("model"), answers))
    right = sum(bool(matches[id].get("correct")) for id in ids if id in matches)
    return sent, f"{len(ids)} samples; the run counted {right} of them right"


def read_text_samples(path: Path, more_labels: Sequence[str] = ()) -> Sent | None:
    """Samples whose input is a text, as models that complete one are asked; None where they are messages.

    Raises:
        PromptError: as `prompt_sent`.
    """
    rows = list(read_rows(path, finite=False)) if path.suffix == ".jsonl" else []
    if not rows or not all(isinstance(row.get("input"), str) for _, row in rows):
        return None
    contexts = [Context(row["input"], _expected({"expected": row.get("ideal")})) for _, row in rows]
    return prompt_sent(contexts, [None] * len(contexts), path, more_labels)


def _place(id: str) -> tuple[str, int, str]:
    name, _, number = id.rpartition(".")
    return (name, int(number), "") if number.isdecimal() else (id, 0, "")


def _text(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else ""


def _expected(match: Mapping[str, Any]) -> str | None:
    """The one right answer; None where there are several."""
    expected = _only(match.get("expected"))
    return expected if isinstance(expected, str) else None


def _only(found: Any) -> Any:
    """What a list of one holds."""
    return found[0] if isinstance(found, list) and len(found) == 1 else found
