"""Episodes: few-shot prompts as icldiag writes them, with what the model should say and where."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.corpus import Dataset
from training.curriculum import Phase, Stage
from training.templates import INSTRUCTIONS, SEPARATORS, TEMPLATES, Template
from training.words import content_words, one_token_words, renderings

#: Some episodes take their classes from all intents together: more ways to differ than within one data set.
INTENTS = ("clinc150", "banking77")
ACROSS_DATASETS = 0.1
WITH_INSTRUCTION = 0.15
#: Sometimes the label words are names of other intents, so that a name's own meaning is not all that is learnt.
BORROWED_NAMES = 0.2
#: And sometimes words of the texts themselves, of the class's own half of the time: a class's name often is one.
WORDS_OF_TEXTS = 0.4
NOISE_KEEPS = 0.7
QUESTIONS = "trec"
RARE = 0.01
MOST_CLASSES = 6


def rare_tokens(texts: Sequence[Sequence[int]]) -> list[int]:
    """Tokens that fewer than a share of ``RARE`` of the texts hold, as often as they occur."""
    held = Counter(token for text in texts for token in set(text))
    return [token for text in texts for token in text if held[token] < RARE * len(texts)]


@dataclass(frozen=True)
class Answer:
    """A place where a label word is due: the token before it, the word's first token, and the other words seen."""

    position: int
    target: int
    rivals: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Constant shapes per phase: new shapes would make the CPU kernels compile anew at each step."""

    ids: Tensor
    positions: Tensor
    answer_rows: Tensor
    answers: Tensor
    answer_weights: Tensor
    rivals: Tensor
    other_rows: Tensor
    others: Tensor


class Episodes:
    """Encodes all texts once, then draws batches; a batch depends on the seed and the step only."""

    def __init__(self, tokenizer: Tokenizer, datasets: Sequence[Dataset], seed: int, context: int) -> None:
        self.tokenizer = tokenizer
        self.seed = seed
        self.context = context
        self.pool = one_token_words(tokenizer)
        self.content = content_words(tokenizer)
        # With and without a leading blank: which is right depends on what the template puts before the text.
        self.texts = {
            (dataset.name, label): {lead: self._encode_all(lead, texts) for lead in (" ", "")}
            for dataset in datasets
            for label, texts in dataset.texts.items()
        }
        self.classes = {dataset.name: [(dataset.name, label) for label in dataset.classes] for dataset in datasets}
        self.intents = [key for name in INTENTS for key in self.classes.get(name, [])]
        self.all = [key for keys in self.classes.values() for key in keys]
        questions = [text for key in self.classes.get(QUESTIONS, []) for text in self.texts[key][" "]]
        self.rare = rare_tokens(questions)
        self.rare_set = frozenset(self.rare)
        self._pieces: dict[str, list[int]] = {}

    def _encode_all(self, lead: str, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch([lead + text for text in texts])]

    def _encode(self, text: str) -> list[int]:
        if text not in self._pieces:
            self._pieces[text] = self.tokenizer.encode(text).ids
        return self._pieces[text]

    def batch(self, step: int, phase: Phase, stage: Stage, worker: int = 0, workers: int = 1) -> Batch:
        rng = random.Random(f"{self.seed}/{step}/{worker}")
        rows = phase.rows // workers
        ids, found = [], []
        for row in range(rows):
            row_ids, answers = self.row(rng, phase, stage)
            ids.append(row_ids)
            found += [(row * phase.window + answer.position, answer) for answer in answers if answer.rivals]
        room = rows * phase.window // 14
        found = rng.sample(found, min(room, len(found)))
        spare = room - len(found)
        taken = {row for row, _ in found}
        candidates = [row for row in range(rows * phase.window) if (row + 1) % phase.window and row not in taken]
        other_rows = rng.sample(candidates, rows * phase.window // 8)
        flat = [token for row_ids in ids for token in row_ids]
        starts = [rng.randint(0, self.context - phase.window) if phase.offsets else 0 for _ in ids]
        filler = (-1,) * (MOST_CLASSES - 1)
        return Batch(
            ids=torch.tensor(ids),
            positions=torch.tensor(starts)[:, None] + torch.arange(phase.window),
            answer_rows=torch.tensor([row for row, _ in found] + [0] * spare),
            answers=torch.tensor([answer.target for _, answer in found] + [0] * spare),
            answer_weights=torch.tensor([1.0] * len(found) + [0.0] * spare),
            rivals=torch.tensor([(answer.rivals + filler)[: len(filler)] for _, answer in found] + [filler] * spare),
            other_rows=torch.tensor(other_rows),
            others=torch.tensor([flat[row + 1] for row in other_rows]),
        )

    def row(self, rng: random.Random, phase: Phase, stage: Stage) -> tuple[list[int], list[Answer]]:
        """One episode that fills the window exactly: token ids, and every place where a label word is due."""
        names = [name for name in self.classes if phase.mix.get(name)]
        dataset = rng.choices(names, [phase.mix[name] for name in names])[0]
        across = dataset in INTENTS and rng.random() < ACROSS_DATASETS
        available = self.intents if across else self.classes[dataset]
        count = rng.randint(2, max(2, min(stage.classes, len(available))))
        classes = rng.sample(available, count)
        words = self._label_words(rng, stage, classes)
        template, separator = rng.choice(TEMPLATES), rng.choice(SEPARATORS)
        ids = list(self._encode(rng.choice(INSTRUCTIONS) + separator)) if rng.random() < WITH_INSTRUCTION else []
        answers: list[Answer] = []
        shown: dict[int, list[list[int]]] = {}
        first = True
        while len(ids) < phase.window:
            # Drawn independently, as a permutation would give the last label away; but two classes come first,
            # because with one there is nothing to tell apart.
            chosen = rng.randrange(count)
            if len(shown) == 1 and chosen in shown:
                chosen = (chosen + rng.randrange(1, count)) % count
            text = self._text(rng, stage, classes[chosen], template, shown.get(chosen, []))
            if classes[chosen][0] == QUESTIONS and phase.swapped:
                text = [
                    rng.choice(self.rare) if t in self.rare_set and rng.random() < phase.swapped else t for t in text
                ]
            ids += self._encode(("" if first else separator) + template.before.rstrip(" "))
            ids += text + self._encode(template.between)
            known = chosen in shown and len(shown) > 1
            rivals = tuple(words[other][0] for other in shown if other != chosen) if known else ()
            answers.append(Answer(len(ids) - 1, words[chosen][0], rivals))
            ids += words[chosen]
            shown.setdefault(chosen, []).append(text)
            first = False
        return ids[: phase.window], [answer for answer in answers if answer.position < phase.window]

    def _text(
        self, rng: random.Random, stage: Stage, key: tuple[str, str], template: Template, shown: list[list[int]]
    ) -> list[int]:
        kind = rng.random()
        if shown and kind < stage.exact + stage.noisy:
            text = rng.choice(shown)
            if kind < stage.exact:
                return text
            kept = [token for token in text if rng.random() < NOISE_KEEPS] or text[:1]
            return rng.sample(kept, len(kept))
        return rng.choice(self.texts[key][" " if template.before.endswith(" ") else ""])[: stage.longest]

    def _label_words(self, rng: random.Random, stage: Stage, classes: Sequence[tuple[str, str]]) -> list[list[int]]:
        """A label word for each class, with different first tokens: the class names, or words that mean nothing."""
        if rng.random() < stage.natural:
            style = rng.randrange(4)
            names = [renderings(label) for _, label in classes]
            words = [self._encode(" " + ways[min(style, len(ways) - 1)]) for ways in names]
            if len({word[0] for word in words}) == len(words):
                return words
        other = rng.random() if stage.natural else 1.0
        if other < WORDS_OF_TEXTS:
            found = [self._word_of_text(rng, key if rng.random() < 0.5 else rng.choice(classes)) for key in classes]
            if len(set(found)) == len(found):
                return [[word] for word in found]
        elif other < WORDS_OF_TEXTS + BORROWED_NAMES:
            names = [rng.choice(renderings(label)) for _, label in rng.sample(self.intents or self.all, len(classes))]
            words = [self._encode(f" {name}") for name in names]
            if len({word[0] for word in words}) == len(words):
                return words
        return [[word] for word in rng.sample(self.pool, len(classes))]

    def _word_of_text(self, rng: random.Random, key: tuple[str, str]) -> int:
        found = [token for token in rng.choice(self.texts[key][" "]) if token in self.content]
        return rng.choice(found or self.pool)
