"""Factors of an answer: what could be neutralised in the prompt, one change each, alone or several together.

A factor that is neutral is a change of the prompt that was run: other demonstrations, another order, other label words;
or a change of what is read off the scores. So any set of factors is one changed prompt, asked in one list by the lab.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from icldiag.analyses.balance import Ranking, surplus
from icldiag.analyses.contest import Contest, Counterfactual, counterfactual
from icldiag.analyses.lab import Lab, Question
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.label_words import label_words
from icldiag.model.readout import FloatArray, label_probabilities
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.fields import Scoring
from icldiag.prompt.schema import Example, Label

CauseKind = Literal[
    "scoring",
    "template",
    "word",
    "name",
    "demonstration",
    "classes",
    "majority",
    "recency",
    "order",
    "prior",
    "aggregation",
]

STRENGTH = 2.0  # by which the rival's gathering is multiplied


@dataclass(frozen=True)
class Factor:
    """One thing that may be to blame, and what makes it neutral. `change` says that in words."""

    kind: CauseKind
    change: str
    order: tuple[int, ...] | None = None  # of all demonstrations
    without: tuple[int, ...] = ()  # demonstrations that are taken out
    ranking: Ranking | None = None  # by which as many demonstrations of each class stay
    relabelled: int | None = None  # a demonstration that gets the rival's label
    words: tuple[str, ...] | None = None  # other label words
    own_template: bool = False  # the queries are written like the demonstrations
    doubled: bool = False  # the rival's label words attend twice as much to their texts
    scoring: Scoring | None = None  # label words are scored otherwise
    divided: bool = False  # the content-free prior of the same changed prompt is divided out
    demonstration: int | None = None  # the one that is meant

    @property
    def stage(self) -> int:
        """0: written in the prompt. 1: how the prompt's labels gather their texts. 2: the prior of what is left."""
        return 2 if self.divided else 1 if self.doubled else 0


def demonstration_factor(lab: Lab, contest: Contest, place: int, wrong: bool) -> Factor:
    """One that may be wrong gets the rival's label, another one is taken out.

    It may be where that is likelier than not, and where the prompt does not separate the two classes: that may be why.
    """
    name = f"demonstration {place + 1}"
    if wrong:
        change = f"{name} labelled {lab.prompt.label_names[contest.rival]}"
        return Factor("demonstration", change, relabelled=place, demonstration=place)
    return Factor("demonstration", f"{name} removed", without=(place,), demonstration=place)


def neutralised(lab: Lab, contest: Contest, factors: Collection[Factor], queries: Sequence[Example]) -> Question:
    """The question with these factors neutral; `read` makes the scores of its answer."""
    order = next(
        (factor.order for factor in factors if factor.order is not None), range(len(lab.prompt.demonstrations))
    )
    out = {place for factor in factors for place in factor.without}
    labels = {factor.relabelled: contest.rival for factor in factors if factor.relabelled is not None}
    ranking = next((factor.ranking for factor in factors if factor.ranking is not None), None)
    if ranking is not None:  # by the labels that they have now
        shown = [labels.get(place, example.label) for place, example in enumerate(lab.prompt.demonstrations)]
        out |= surplus(shown, ranking, out)
    question = lab.question(queries, [place for place in order if place not in out], labels)
    prompt = question.prompt
    for factor in factors:
        if factor.words is not None:
            words = zip(prompt.labels, factor.words, strict=True)
            prompt = replace(prompt, labels=tuple(Label(label.name, word) for label, word in words))
        if factor.own_template:
            prompt = replace(prompt, query_template=None)
        if factor.scoring is not None and not read_off(lab):
            prompt = replace(prompt, scoring=factor.scoring)
    question = replace(question, prompt=prompt)
    if any(factor.doubled for factor in factors):
        edit = strengthening(lab, lab.encode(question), contest.rival)
        if edit is not None:
            layers = range(max(1, lab.model.n_layers // 2))
            question = replace(question, prefix_edits=dict.fromkeys(layers, edit))
    return question


def read(lab: Lab, factors: Collection[Factor], scores: FloatArray, free: FloatArray | None = None) -> FloatArray:
    """Scores (n, C) with these factors neutral.

    Args:
        free: (m, C) answers of the same changed prompt to content-free queries, where its prior is divided out.
    """
    other = next((factor.scoring for factor in factors if factor.scoring is not None), None)
    if other is not None and read_off(lab):
        scores, free = rescored(lab, scores, other), None if free is None else rescored(lab, free, other)
    if free is not None and any(factor.divided for factor in factors):
        scores = scores - np.log(np.maximum(label_probabilities(free).mean(axis=0), 1e-12))
    return scores


def read_off(lab: Lab) -> bool:
    """Whether another scoring can be made of the scores; of first tokens it cannot, and is asked for."""
    return lab.prompt.scoring != "first"


def rescored(lab: Lab, scores: FloatArray, scoring: Scoring) -> FloatArray:
    """Scores (n, C) of whole words, by token, by byte or against the words alone, as another of these."""
    own = label_words(lab.encoded, lab.model)
    whole = scores + np.array(own.unconditional or 0.0)
    whole = whole * np.array(own.lengths or 1.0)
    if scoring == "per_token":
        return np.asarray(whole / np.array([len(ids) for ids in lab.encoded.scored_tokens], float))
    assert scoring == "whole"
    return np.asarray(whole)


def run_of(lab: Lab, contest: Contest, factor: Factor, rows: FloatArray) -> Counterfactual:
    """What one neutral factor makes of the query: `rows` are its answer, and those to content-free queries after it."""
    return counterfactual(contest, factor.change, read(lab, [factor], rows[:1], rows[1:])[0])


def strengthening(lab: Lab, encoded: EncodedPrompt, label: int) -> Edit | None:
    """The label words of a class attend twice as much to the texts of its demonstrations, earlier ones included."""
    found = [demonstration for demonstration in encoded.demonstrations if demonstration.label_class == label]
    if not found:
        return None
    rows = sorted(row for demonstration in found for row in range(*demonstration.label))
    columns = sorted(column for demonstration in found for column in demonstration.text_positions)
    factor = torch.ones(lab.model.n_heads, len(encoded.prefix))
    factor[:, columns] = STRENGTH
    return Edit(torch.tensor(rows), factor=factor)
