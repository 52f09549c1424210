"""How well a checkpoint classifies from its demonstrations, on classes and files that it was not trained on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import torch
from transformers import AutoTokenizer, GPT2LMHeadModel, PreTrainedTokenizerBase

from training.corpus import HELD_OUT, Dataset, hold_out, read_jsonl
from training.words import LABEL_WORDS

QUERIES = 100
#: Room that demonstrations leave for the query, in tokens.
LONGEST_QUERY = 100


@dataclass(frozen=True)
class Trial:
    """One line of the table: what is asked, of which texts, with which label words."""

    name: str
    dataset: Dataset
    classes: int
    shots: int
    natural: bool
    template: str
    #: Texts to draw demonstrations from, where the data set has a file for that; else they come from the same texts.
    source: Dataset | None = None


@dataclass(frozen=True)
class Score:
    trial: Trial
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.accuracies)

    @property
    def spread(self) -> float:
        return stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0


def trials(folder: Path, seed: int) -> list[Trial]:
    """The measurements of the model card, for those folders that are there."""
    found = []
    intents = "Message: {text}\nIntent:{label}"
    for name, count in HELD_OUT.items():
        if (path := folder / name / "train.jsonl").exists():
            unseen = hold_out(read_jsonl(path, name), count, seed)[1]
            for classes, shots in ((2, 1), (4, 1), (4, 2), (4, 6), (6, 1)):
                if name == "banking77" and shots == 6:
                    continue  # longer than the context
                for natural in (True, False):
                    found.append(Trial(f"{name}, unseen classes", unseen, classes, shots, natural, intents))
    for name, template, shot_counts in (
        ("trec", "Question: {text}\nAnswer Type:{label}", (1, 3)),
        ("sst2", "Review: {text}\nSentiment:{label}", (1, 3)),
        ("agnews", "Article: {text}\nAnswer:{label}", (1,)),
        ("emoc", "Dialogue: {text}\nEmotion:{label}", (1,)),
    ):
        if (folder / name / "test.jsonl").exists():
            test, source = (read_jsonl(folder / name / f"{part}.jsonl", name) for part in ("test", "train"))
            for shots in shot_counts:
                for natural in (True, False):
                    found.append(Trial(name, test, len(test.classes), shots, natural, template, source))
    return found


class Judge:
    """A checkpoint folder, loaded as anyone would load it."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
        self.model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.context: int = self.model.config.n_positions

    def score(self, trial: Trial, draws: range, seed: int) -> Score:
        return Score(trial, tuple(self._draw(trial, random.Random(f"{seed}/{trial.name}/{n}")) for n in draws))

    def _draw(self, trial: Trial, rng: random.Random) -> float:
        """One set of classes, demonstrations and queries; the queries are spread evenly over the classes drawn."""
        before = trial.template.split("{label}")[0]
        source = trial.source or trial.dataset
        while True:
            classes = rng.sample(trial.dataset.classes, trial.classes)
            words = self._words(trial, classes, rng)
            shown = {label: rng.sample(source.texts[label], trial.shots) for label in classes}
            pairs = [(text, label) for label, texts in shown.items() for text in texts]
            rng.shuffle(pairs)
            prompt = "".join(before.replace("{text}", text) + words[label] + "\n" for text, label in pairs)
            firsts = [self._encode(word)[0] for word in words.values()]
            if len(set(firsts)) == len(firsts) and len(self._encode(prompt)) + LONGEST_QUERY <= self.context:
                break
        gold = [classes[number % len(classes)] for number in range(QUERIES)]
        queries = [self._query(trial.dataset.texts[label], shown[label], before, rng) for label in gold]
        predicted = [classes[index] for index in self._answers(self._encode(prompt), queries, firsts)]
        return sum(guess == label for guess, label in zip(predicted, gold, strict=True)) / QUERIES

    def _query(self, texts: Sequence[str], shown: Sequence[str], before: str, rng: random.Random) -> list[int]:
        while True:
            text = rng.choice(texts)
            query = self._encode(before.replace("{text}", text))
            if text not in shown and len(query) <= LONGEST_QUERY:
                return query

    def _words(self, trial: Trial, classes: Sequence[str], rng: random.Random) -> Mapping[str, str]:
        if trial.natural:
            return {label: " " + label.replace("_", " ") for label in classes}
        words = rng.sample(list(dict.fromkeys(LABEL_WORDS)), len(classes))
        return {label: f" {word}" for label, word in zip(classes, words, strict=True)}

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, verbose=False)["input_ids"])

    @torch.inference_mode()
    def _answers(self, prompt: Sequence[int], queries: Sequence[Sequence[int]], firsts: Sequence[int]) -> list[int]:
        """The index of the likeliest label word, by its first token; the demonstrations are encoded once for all."""
        longest = max(map(len, queries))
        # Padding on the right: nothing before it can attend to it.
        ids = torch.tensor([[*query, *[0] * (longest - len(query))] for query in queries])
        past = self.model(torch.tensor([prompt]), use_cache=True).past_key_values
        past.batch_repeat_interleave(len(queries))
        everything = torch.ones(len(queries), len(prompt) + longest, dtype=torch.long)
        hidden = self.model.transformer(ids, past_key_values=past, attention_mask=everything).last_hidden_state
        last = hidden[torch.arange(len(queries)), torch.tensor([len(query) - 1 for query in queries])]
        answers: list[int] = self.model.lm_head(last)[:, list(firsts)].argmax(1).tolist()
        return answers


def evaluate(folder: Path, data: Path, seed: int, draws: range) -> list[Score]:
    """Every trial on the draws of these numbers; `seed` is the training's, for it says which classes were unseen."""
    judge = Judge(folder)
    return [judge.score(trial, draws, seed) for trial in trials(data, seed)]


def table(scores: Sequence[Score]) -> str:
    """A Markdown table: one line per task and number of shots, the two kinds of label words side by side."""
    lines = ["| task | classes | shots | own names | arbitrary words |", "| --- | --- | --- | --- | --- |"]
    cells: dict[tuple[str, int, int], dict[bool, str]] = {}
    for score in scores:
        trial = score.trial
        row = cells.setdefault((trial.name, trial.classes, trial.shots), {})
        row[trial.natural] = f"{score.mean:.2f} ± {score.spread:.2f}"
    for (name, classes, shots), row in cells.items():
        lines.append(f"| {name} | {classes} | {shots} | {row.get(True, '')} | {row.get(False, '')} |")
    return "\n".join(lines)
