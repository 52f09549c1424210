"""What is planted in a healthy prompt, one function a kind. Each makes one thing wrong and leaves the rest alone.

classes        another class is shown by texts of the query's own class, so that the two are near-identical
demonstration  one demonstration of the query's class carries another label
prior          another class gets demonstrations that say nothing ("...", "see above"): they only skew the prior
order          the same demonstrations in another order (found by search, see `planted_cases`)
recency        another class's demonstrations come last, all of them
majority       another class gets twice as many further demonstrations, good ones
word           the label word of the query's class is written in another form than the others (upper, lower case)
name           the label word of the query's class is one that says nothing of it, and no part of its name
scoring        whole words are scored, and the word of the query's class begins with another class's word
template       the query is written with another template than the demonstrations (no prompt file can say so)
two            two of demonstration, recency, majority and word at once
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from icldiag.prompt.label_wording import form, written
from icldiag.prompt.schema import Example, Label, Prompt

Kind = Literal[
    "classes", "demonstration", "prior", "order", "recency", "majority", "word", "name", "scoring", "template", "two"
]
KINDS: tuple[Kind, ...] = (
    "classes", "demonstration", "prior", "order", "recency", "majority", "word", "name", "scoring", "template", "two",
)  # fmt: skip
PAIRED: tuple[Kind, ...] = ("demonstration", "recency", "majority", "word")  # of which two are planted at once

SURPLUS = 8  # empty demonstrations that skew the prior
EMPTY = ("...", "-", "???", "(empty)", "no text", "none", "test", "x", "***", "see above", "tbd", "1", "unknown", "ok")
WORDS = ("the", "it", "blue", "seven", "lamp", "of", "green", "house")  # that say nothing
TAILS = (" type", " name", " thing", " group")  # make one label word begin with another
TEMPLATES = ("Input: {text}\nOutput:{label}", "Sentence: {text}\nLabel:{label}", "{text}\nThis is{label}")


@dataclass(frozen=True)
class Source:
    """Texts by class, in the shape of a sample prompt."""

    shape: Prompt
    texts: tuple[tuple[str, ...], ...]

    def unused(self, prompt: Prompt, label: int) -> list[str]:
        """Texts of one of the prompt's classes that the prompt has not."""
        used = {example.text for example in (*prompt.demonstrations, *prompt.queries)}
        names = self.shape.label_names
        return [text for text in self.texts[names.index(prompt.labels[label].name)] if text not in used]


@dataclass(frozen=True)
class Plant:
    """Which class loses, which is to win (None: whichever does), and what it is drawn from."""

    gold: int
    rival: int
    source: Source
    rng: random.Random

    def classes(self, prompt: Prompt) -> Prompt:
        """Every text of the class `rival` becomes a text of the class `gold`, in demonstrations and in queries."""
        places = [example for example in (*prompt.demonstrations, *prompt.queries) if example.label == self.rival]
        texts = iter(self.rng.sample(self.source.unused(prompt, self.gold), len(places)))
        renewed = [
            tuple(Example(next(texts), self.rival) if example.label == self.rival else example for example in part)
            for part in (prompt.demonstrations, prompt.queries)
        ]
        return replace(prompt, demonstrations=renewed[0], queries=renewed[1])

    def demonstration(self, prompt: Prompt) -> Prompt:
        shown = list(prompt.demonstrations)
        culprit = self.rng.choice([place for place, example in enumerate(shown) if example.label == self.gold])
        shown[culprit] = replace(shown[culprit], label=self.rival)
        return replace(prompt, demonstrations=tuple(shown))

    def prior(self, prompt: Prompt) -> Prompt:
        return self._with_more(prompt, self.rng.sample(EMPTY, SURPLUS))

    def majority(self, prompt: Prompt) -> Prompt:
        own = sum(example.label == self.rival for example in prompt.demonstrations)
        return self._with_more(prompt, self.rng.sample(self.source.unused(prompt, self.rival), 2 * own))

    def _with_more(self, prompt: Prompt, texts: list[str]) -> Prompt:
        shown = list(prompt.demonstrations)
        for text in texts:
            shown.insert(self.rng.randrange(len(shown) + 1), Example(text, self.rival))
        return replace(prompt, demonstrations=tuple(shown))

    def recency(self, prompt: Prompt) -> Prompt:
        shown = sorted(prompt.demonstrations, key=lambda example: example.label == self.rival)
        return replace(prompt, demonstrations=tuple(shown))

    def word(self, prompt: Prompt) -> Prompt:
        word = prompt.labels[self.gold].word
        forms = [form for form in (word.upper(), word.lower(), word.title()) if form != word]
        return _renamed(prompt, self.gold, self.rng.choice(forms))

    def name(self, prompt: Prompt) -> Prompt:
        return _renamed(prompt, self.gold, written(self.rng.choice(WORDS), form(prompt.labels[self.gold].word)))

    def scoring(self, prompt: Prompt) -> Prompt:
        return _renamed(prompt, self.gold, prompt.labels[self.rival].word + self.rng.choice(TAILS))

    def template(self, prompt: Prompt) -> Prompt:
        return replace(prompt, query_template=self.rng.choice(TEMPLATES))

    def planted(self, kind: Kind, prompt: Prompt) -> Prompt:
        """Raises ValueError: the class has not enough texts."""
        plants: dict[Kind, Callable[[Prompt], Prompt]] = {
            "classes": self.classes, "demonstration": self.demonstration, "prior": self.prior,
            "recency": self.recency, "majority": self.majority, "word": self.word, "name": self.name,
            "scoring": self.scoring, "template": self.template,
        }  # fmt: skip
        return plants[kind](prompt)


def _renamed(prompt: Prompt, label: int, word: str) -> Prompt:
    labels = list(prompt.labels)
    labels[label] = Label(labels[label].name, word)
    return replace(prompt, labels=tuple(labels))
