"""The scoring that can choose any of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from icldiag.prompt.fields import Scoring
from icldiag.prompt.schema import Prompt


def scoring_for(words: Sequence[str]) -> Scoring:
    """The quickest one that can choose any of these label words, as far as their letters tell."""
    if any(one != other and other.startswith(one) for one in words for other in words):
        return "terminated"
    return "whole" if len({word.split()[0] for word in words if word.strip()}) < len(words) else "first"


def choosable(prompt: Prompt) -> Prompt:
    """An imported prompt whose tool tells no scoring, with one by which every label can be answered."""
    own = scoring_for([label.word for label in prompt.labels])
    return replace(prompt, scoring=own) if prompt.scoring == "first" != own else prompt
