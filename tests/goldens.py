"""Numbers that the paper's released code produced on a small checkpoint; see data/goldens/README.md."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from icldiag.model.forward import InstrumentedModel
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session

FOLDER = Path(__file__).parent / "data" / "goldens"
SETTINGS = ["sst2-1shot", "agnews-1shot", "trec-1shot", "emo-1shot", "sst2-2shot", "trec-2shot"]
ONE_SHOT = [name for name in SETTINGS if name.endswith("1shot")]


@cache
def numbers() -> dict[str, Any]:
    return json.loads((FOLDER / "golden.json").read_text())  # type: ignore[no-any-return]


@cache
def written_prompts() -> dict[str, Any]:
    return json.loads((FOLDER / "prompts.json").read_text())  # type: ignore[no-any-return]


def golden(setting: str) -> dict[str, Any]:
    return numbers()["settings"][setting]  # type: ignore[no-any-return]


@cache
def model() -> InstrumentedModel:
    return load_model(ModelSettings(name=str(FOLDER / "checkpoint"), device="cpu"))


def golden_prompt(setting: str, order: int = 0) -> Prompt:
    """A golden prompt as ours; its `examples` are those that re-weighting was trained on, in order."""
    written = written_prompts()["settings"][setting]
    task = written_prompts()["tasks"][written["task"]]
    rows = written["orders"][order]["demos"]
    return Prompt(
        name=setting,
        template=task["template"],
        separator="\n",
        labels=tuple(Label(word.strip(), word) for word in task["label_words"]),
        demonstrations=tuple(Example(row["text"], row["label"]) for row in rows),
        queries=tuple(Example(row["text"], row["label"]) for row in task["queries"]),
        examples=tuple(Example(row["text"], row["label"]) for row in task["train"]),
    )


@cache
def golden_session(setting: str, order: int = 0) -> Session:
    return Session(golden_prompt(setting, order), model())
