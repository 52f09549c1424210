"""Small changes to a prompt, each a new `Prompt`; what is impossible is a PromptError in one sentence.

An index of what is not there is an AnalysisError.

A calibration and a beta belong to the demonstrations and label words they were made for: changing these takes them off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from icldiag.errors import PromptError
from icldiag.indices import class_index, demonstration_index
from icldiag.prompt.fields import SEPARATOR
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.quoting import did_you_mean, listed, quoted


def with_demonstrations(prompt: Prompt, demonstrations: Sequence[Example]) -> Prompt:
    """Other demonstrations, or the same in another order."""
    return replace(prompt, demonstrations=tuple(demonstrations), calibration=None, beta=None)


def swap(prompt: Prompt, first: int, second: int) -> Prompt:
    """Two demonstrations change places."""
    first, second = (demonstration_index(one, len(prompt.demonstrations)) for one in (first, second))
    order = list(prompt.demonstrations)
    order[first], order[second] = order[second], order[first]
    return prompt if tuple(order) == prompt.demonstrations else with_demonstrations(prompt, order)


def drop(prompt: Prompt, demonstration: int) -> Prompt:
    """One demonstration less. Raises PromptError for the last one."""
    demonstration = demonstration_index(demonstration, len(prompt.demonstrations))
    if len(prompt.demonstrations) == 1:
        raise PromptError("this is the only demonstration; 'demonstrations: []' in the file asks without any")
    kept = [example for index, example in enumerate(prompt.demonstrations) if index != demonstration]
    return with_demonstrations(prompt, kept)


def relabel(prompt: Prompt, demonstration: int, name: str) -> Prompt:
    """One demonstration gets the label of this name. Raises PromptError where there is no such label."""
    demonstration = demonstration_index(demonstration, len(prompt.demonstrations))
    if name.strip() not in prompt.label_names:
        close = did_you_mean(name.strip(), prompt.label_names)
        raise PromptError(f"there is no label {quoted(name.strip())}; {close}choose from {listed(prompt.label_names)}")
    shown = list(prompt.demonstrations)
    shown[demonstration] = replace(shown[demonstration], label=prompt.label_names.index(name.strip()))
    return prompt if tuple(shown) == prompt.demonstrations else with_demonstrations(prompt, shown)


def rename_word(prompt: Prompt, label: int, word: str) -> Prompt:
    """Another label word for a class; a space before it as the old one had. Raises PromptError if empty or taken."""
    label = class_index(label, len(prompt.labels))
    old = prompt.labels[label]
    if not word.strip():
        raise PromptError("a label word cannot be empty")
    written = word if word[0].isspace() or not old.word[0].isspace() else f" {word}"
    for other in prompt.labels:
        if other is not old and other.word == written:
            raise PromptError(f"{quoted(written.strip())} is the label word of {quoted(other.name)} already")
    if written == old.word:
        return prompt
    labels = list(prompt.labels)
    labels[label] = Label(old.name, written)
    return replace(prompt, labels=tuple(labels), calibration=None, beta=None)


def ask(prompt: Prompt, text: str | Mapping[str, str]) -> Prompt:
    """One more query at the end, its right label unknown: a text, or one for each field. Raises PromptError."""
    return prompt.with_queries((*prompt.queries, prompt.example(text)))


def as_chat(prompt: Prompt) -> Prompt:
    """The same as turns: label words without the space before them, and no separators, which turns do not need."""
    words = tuple(Label(label.name, label.word.strip()) for label in prompt.labels)
    plain = replace(prompt, chat=True, labels=words, separator=SEPARATOR, instruction_separator=None)
    return replace(plain, calibration=None, beta=None)
