"""Conversations are refused by name wherever a prompt, a table or a template is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from icldiag.errors import PromptError
from icldiag.prompt.conversation import is_conversation
from icldiag.prompt.draw import Drawing, draw_prompt
from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.lm_eval.log import read_log
from icldiag.prompt.plain_text import import_text
from icldiag.prompt.read import read_prompt
from icldiag.prompt.tables import read_table
from icldiag.sweeps.plan import read_plan

MESSAGES = [{"role": "user", "content": "a warm evening"}, {"role": "assistant", "content": "positive"}]
SHARED = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
WRITTEN: list[Any] = [MESSAGES, {"messages": MESSAGES}, SHARED, {"conversations": SHARED}, [{"messages": MESSAGES}] * 2]
READERS: list[Callable[[Path], object]] = [
    read_prompt,
    read_few_shot,
    read_plan,
    read_table,
    lambda path: import_text(path.read_text(), path),
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", WRITTEN[:4], ids=range(4))
def test_json(tmp_path: Path, reader: Callable[[Path], object], value: Any) -> None:
    path = tmp_path / "messages.json"
    path.write_text(json.dumps(value))
    with pytest.raises(PromptError, match=r"this is a conversation, a list of messages with roles; .*'chat: true'"):
        reader(path)


@pytest.mark.parametrize("value", WRITTEN, ids=range(len(WRITTEN)))
def test_yaml_and_lists_of_them(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "messages.yaml"
    path.write_text(yaml.safe_dump(value))
    for reader in (read_prompt, read_few_shot):
        with pytest.raises(PromptError, match="this is a conversation"):
            reader(path)


def test_samples(tmp_path: Path) -> None:
    path = tmp_path / "messages.json"
    path.write_text(json.dumps(MESSAGES))
    with pytest.raises(PromptError, match="this is a conversation"):
        read_log(path)
    asked = [[json.dumps(MESSAGES), " yes"], [json.dumps(MESSAGES), " no"]]
    path.write_text(json.dumps([{"doc_id": 0, "target": 0, "arguments": asked, "filtered_resps": [[-1, 0], [-2, 0]]}]))
    with pytest.raises(PromptError, match="the contexts are lists of messages"):
        read_log(path)


@pytest.mark.parametrize("column", ["text", "messages"])
def test_rows(tmp_path: Path, column: str) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(json.dumps({"messages": MESSAGES}) + "\n")
    with pytest.raises(PromptError, match="this is a conversation"):
        draw_prompt(read_table(path), Drawing(text=column, label="messages"), "x")


@pytest.mark.parametrize("value", [[], {}, None, "role", [MESSAGES[0], "a"], {"messages": "hello"}, [{"role": "user"}]])
def test_other_values_are_none(value: Any) -> None:
    assert not is_conversation(value)
