"""A trained re-weighting outlives changes of the queries; what it did is known of the queries that it was tried on.

What does not outlive a change is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from icldiag.analyses.loyalty import Answers
from icldiag.analyses.reweighting.beta_file import demonstrations_hash
from icldiag.analyses.reweighting.compute import Reweighting
from icldiag.tui import requests

if TYPE_CHECKING:
    from icldiag.prompt.schema import Example, Prompt
    from icldiag.store import Store
    from icldiag.tui.state import State


@dataclass(frozen=True, repr=False)
class CarriedReweighting(Reweighting):
    """One that was trained and tried on an earlier `prompt`, with the demonstrations of the present one."""

    prompt: Prompt


def same_demonstrations(one: Prompt, other: Prompt) -> bool:
    """Whether a beta of the one is good for the other."""
    return demonstrations_hash(one) == demonstrations_hash(other)


def taken_off(state: State, prompt: Prompt, beta: Any) -> str:
    """What is no longer in force with a changed prompt, which would come with a trained `beta`; or nothing.

    Where the text is the same, it was taken off on purpose.
    """
    before = state.prompt
    if before is None or same_demonstrations(before, prompt):
        return ""
    if before.demonstrations != prompt.demonstrations:
        made_for = "the demonstrations as they were"
    else:
        made_for = "the label words as they were" if before.labels != prompt.labels else "the prompt as it was"
    sentences = []
    if before.calibration is not None and prompt.calibration is None:
        sentences.append(f"The calibration was fitted with {made_for}; it is off.")
    if state.beta_on and prompt.beta is None and beta is None:
        sentences.append(f"The re-weighting was trained with {made_for}; it is off.")
    return " ".join([*sentences, "u in panel Prompt undoes the edit."]) if sentences else ""


def carried(results: Mapping[Hashable, Any], before: Prompt, prompt: Prompt) -> dict[Hashable, Any]:
    """Of the results of a prompt those that are good for a changed one."""
    if not same_demonstrations(prompt, before):
        return {}
    return {one: _of(results[one], before) for one in requests.reweightings() if one in results}


def _of(found: Reweighting, prompt: Prompt) -> CarriedReweighting:
    if isinstance(found, CarriedReweighting):
        return found
    return CarriedReweighting(**{field.name: getattr(found, field.name) for field in fields(found)}, prompt=prompt)


def on_disk(store: Store | None, trained_on: Prompt | None, prompt: Prompt) -> dict[Hashable, Any]:
    """What was trained on an earlier prompt, if it is good for this one and still on disk."""
    if store is None or trained_on is None or not same_demonstrations(trained_on, prompt):
        return {}
    known = store.of(trained_on)
    found = {one: known.get(one) for one in requests.reweightings()}
    return {one: _of(result, trained_on) for one, result in found.items() if result is not None}


def tried(found: Reweighting, prompt: Prompt) -> tuple[Reweighting, tuple[int, ...]]:
    """What it did to those of the prompt's queries that it was tried on, and which they are.

    None are where the prompt differs in more than queries and examples, such as in a calibration: then all answers do.
    """
    if not isinstance(found, CarriedReweighting):
        return found, tuple(range(len(prompt.queries)))
    rows: dict[Example, list[int]] = defaultdict(list)
    if _asked_alike(found.prompt) == _asked_alike(prompt):
        for row, query in enumerate(found.prompt.queries):
            rows[query].append(row)
    pairs = [(place, rows[query].pop(0)) for place, query in enumerate(prompt.queries) if rows.get(query)]
    chosen = [row for _, row in pairs]
    part = replace(found, before=_answers(found.before, chosen), after=_answers(found.after, chosen))
    return part, tuple(place for place, _ in pairs)


def _asked_alike(prompt: Prompt) -> str:
    """Of all that the answer to a query depends on, besides the query and a beta."""
    return replace(prompt, queries=(), examples=(), beta=None).hash


def _answers(answers: Answers, rows: list[int]) -> Answers:
    """Those to some of the queries; their word loyalty is not known."""
    before, predicted = answers.before[rows], answers.predicted[rows]
    gold = tuple(answers.gold[row] for row in rows)
    right = [answer == label for answer, label in zip(predicted.tolist(), gold, strict=True) if label is not None]
    return Answers(
        probabilities=answers.probabilities[rows],
        predicted=predicted,
        label_loyalty=float((before == predicted).mean()) if rows else np.nan,
        word_loyalty=np.nan,
        accuracy=sum(right) / len(right) if right else None,
        before=before,
        gold=gold,
    )
