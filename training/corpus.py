"""Labelled texts: read from JSONL folders, or grown from our own grammars."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.grammar import Grammar

#: Folders whose texts may go into weights and tokenizer. Anything else in the data folder is only ever measured on.
TRAINED_ON = ("clinc150", "banking77", "trec", "sst2")
#: Classes kept out of training and tokenizer, drawn by seed, to measure on classes that were never seen.
HELD_OUT = {"clinc150": 12, "banking77": 8}
GRAMMARS = Path(__file__).parent / "grammars"
GENERATED_PER_CLASS = 1500


@dataclass(frozen=True)
class Dataset:
    """One task: its name, and the texts of each class."""

    name: str
    texts: Mapping[str, tuple[str, ...]]
    generated: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def only(self, classes: Iterable[str]) -> Dataset:
        return Dataset(self.name, {name: self.texts[name] for name in classes}, self.generated)


def read_jsonl(path: Path, name: str) -> Dataset:
    """Reads ``{"text", "label"}`` lines; white space is normalised, because a template sits on one line."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                example = json.loads(line)
                text = " ".join(str(example["text"]).split())
                if text:
                    texts[str(example["label"])].append(text)
    return Dataset(name, {label: tuple(texts[label]) for label in sorted(texts)})


def hold_out(dataset: Dataset, count: int, seed: int) -> tuple[Dataset, Dataset]:
    """Splits a data set by class into the part to train on and the part to measure on."""
    kept_out = set(random.Random(f"{seed}/held-out/{dataset.name}").sample(dataset.classes, count))
    return (
        dataset.only(name for name in dataset.classes if name not in kept_out),
        dataset.only(name for name in dataset.classes if name in kept_out),
    )


def generated(path: Path, seed: int, per_class: int = GENERATED_PER_CLASS) -> Dataset:
    """Texts grown from one grammar, the same for the same seed."""
    grammar = Grammar.read(path)
    texts = {label: grammar.texts(label, per_class, seed) for label in grammar.labels}
    return Dataset(path.stem, texts, generated=True)


def training_data(folder: Path, seed: int) -> list[Dataset]:
    """All that the model may learn from: the permitted folders without their held-out classes, and the grammars."""
    found = []
    for name in TRAINED_ON:
        path = folder / name / "train.jsonl"
        if path.exists():
            dataset = read_jsonl(path, name)
            spare = min(HELD_OUT.get(name, 0), len(dataset.classes) - 2)
            found.append(hold_out(dataset, spare, seed)[0] if spare > 0 else dataset)
    if not found:
        raise FileNotFoundError(f"none of {', '.join(TRAINED_ON)} has a train.jsonl under {folder}")
    return found + [generated(path, seed) for path in sorted(GRAMMARS.glob("*.toml"))]
