"""What is given in the place of a prompt file is told as what it is, with the command that takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.read import read_prompt


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", {"_type": "few_shot", "examples": []}, "icldiag import langchain FILE --query TEXT"),
        ("a.yaml", {"_type": "few_shot", "examples": []}, "icldiag import langchain"),
        ("a.json", {"lc": 1, "type": "constructor", "id": ["langchain"]}, "icldiag import langchain"),
        (
            "a.json",
            {"predict": {"demos": [], "signature": {}}, "metadata": {}},
            "icldiag import dspy FILE --query TEXT",
        ),
        ("a.json", {"version": 2, "status": "success", "eval": {}}, "icldiag import inspect-ai FILE"),
        ("a.json", {"results": {}, "configs": {}}, "samples_TASK_DATE.jsonl"),
        ("a.yaml", {"prompts": ["{{a}}"], "tests": []}, "icldiag import promptfoo FILE"),
        ("a.txt", "Review: fun\nMood: good\n\nReview: dull\nMood:", "icldiag import text FILE"),
        ("a.txt", "plain words", "icldiag import text FILE"),
        ("a.gguf", "GGUF", "this is a model and no prompt; give it with --model"),
    ],
)
def test_what_is_no_prompt_file(tmp_path: Path, name: str, content: Any, words: str) -> None:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(PromptError) as caught:
        read_prompt(path)
    assert words in caught.value.message


def test_a_models_folder_is_no_prompt(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(PromptError, match="a model's folder and no prompt; give it with --model"):
        read_prompt(tmp_path)
