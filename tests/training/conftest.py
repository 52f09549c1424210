"""A tiny corpus of our own: JSONL folders as the training reads them, and what is made from them once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from training.corpus import Dataset, training_data
from training.tokenizer import train_tokenizer

TOPICS = {
    "clinc150": {
        f"{verb}_{thing}": (verb, thing)
        for verb in ("book", "cancel", "find", "change")
        for thing in ("table", "flight", "alarm", "doctor")
    },
    "banking77": {
        f"{thing}_{state}": (thing, state)
        for thing in ("card", "cash", "transfer", "fee")
        for state in ("lost", "late", "wrong")
    },
    "trec": {"Person": ("who", "wrote"), "Location": ("where", "lies"), "Number": ("how many", "live in")},
    "agnews": {"Sports": ("zyxgoal", "zyxteam"), "World": ("zyxpeace", "zyxvote")},
}
ENDINGS = (
    "please",
    "today",
    "now ?",
    "for me",
    "again",
    "at noon",
    "in the city",
    "this week",
    "if you can",
    "at last",
)


def write_corpus(folder: Path) -> Path:
    for name, classes in TOPICS.items():
        (folder / name).mkdir(parents=True)
        lines = [
            json.dumps({"text": f"{first} the {second} {ending}", "label": label})
            for label, (first, second) in classes.items()
            for ending in ENDINGS
        ]
        (folder / name / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def datasets(corpus: Path) -> list[Dataset]:
    return training_data(corpus, seed=3)


@pytest.fixture(scope="session")
def tokenizer(datasets: list[Dataset]) -> Tokenizer:
    return train_tokenizer(datasets, vocabulary=1500)
