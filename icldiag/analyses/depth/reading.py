"""What depth says, in sentences that hold with two labels, with one query, and without gold labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from icldiag.analyses import lens
from icldiag.analyses.depth.compute import Depth, QueryDepth
from icldiag.analyses.roc import ENOUGH
from icldiag.counting import counted
from icldiag.model.direct import DirectParts
from icldiag.page.text import percent


@dataclass(frozen=True)
class Share:
    """What one part writes of the lead, in nats."""

    name: str
    nats: float
    layer: int | None = None


def shares(parts: DirectParts) -> list[Share]:
    """The embeddings, every head, every layer's MLP and all biases; they sum to the difference, the largest first."""
    found = [Share("embeddings", parts.embedding)]
    for layer, (heads, mlp) in enumerate(zip(parts.heads, parts.mlp, strict=True)):
        found += [Share(f"head {layer}.{head}", float(nats), layer) for head, nats in enumerate(heads)]
        found.append(Share(f"MLP of layer {layer}", float(mlp), layer))
    found.append(Share("biases", parts.bias + float(parts.attention.sum() - parts.heads.sum())))
    return sorted(found, key=lambda share: -abs(share.nats))


def nats(value: float) -> str:
    """'+1.1', '-0.04': two digits where one would be 0."""
    return f"{value:+.1f}" if abs(value) >= 0.05 else f"{value:+.2f}"


def reading_of_query(found: QueryDepth) -> str:
    """From which layer on the answer leads; which parts write its lead."""
    return f"{reading_of_layers(found)} {reading_of_parts(found)}"


def reading_of_layers(found: QueryDepth) -> str:
    """From where on the answer leads, and where the gold label does, as far as the lens can be read."""
    read = found.lens
    told = lens.reading(read, found.answer, found.labels)
    if found.gold in (None, found.answer) or read.readable_from == read.layers:
        return told
    led = np.flatnonzero(read.readable & (read.scores.argmax(axis=1) == found.gold))
    where = f"last leads {lens.after(int(led[-1]))}" if led.size else "leads nowhere that the lens can be read"
    return f"{told} The gold label {found.labels[found.gold or 0]} {where}."


def reading_of_parts(found: QueryDepth) -> str:
    """The direct shares of the lead, and the parts that write most for it and against it."""
    if found.parts is None:
        return f"No direct shares: {found.missing}."
    parts, answer, rival = found.parts, found.labels[found.answer], found.labels[found.rival]
    of = "in the logits of their first tokens " if abs(parts.difference - found.lead) >= 0.05 else ""
    capped = ", before the model's soft cap" if parts.capped else ""
    listed = shares(parts)
    most, least = (max(listed, key=lambda share: sign * share.nats) for sign in (1, -1))
    ends = [f"most for it comes from {_the(most)}"] if most.nats > 0 else []
    ends += [f"most against it from {_the(least)}"] if least.nats < 0 else []
    told = ", ".join(ends) or "no part writes any of it"
    return (
        f"Of the {parts.difference:.1f} nats of {answer} over {rival}{capped} {of}attention writes "
        f"{nats(float(parts.attention.sum()))} and the MLPs {nats(float(parts.mlp.sum()))} directly; {told}."
    )


def _the(share: Share) -> str:
    return f"{'' if share.name.startswith('head') else 'the '}{share.name} ({nats(share.nats)})"


def reading(found: Depth) -> str:
    """How the labels are separated by layer, and from where the answers lead."""
    return " ".join([_separated(found), _decided(found), *_of_wrong(found)])


def _separated(found: Depth) -> str:
    """Where the states tell the labels apart as well as the output's scores do, beside what is right there."""
    auc, state, accuracy = found.auc, found.state_auc, found.accuracy
    if np.isnan(auc[-1]):
        known = any(label is not None for label in found.gold)
        return f"Nothing to separate: {'one gold label alone' if known else 'no gold label'} is known."
    end = f"AUC {auc[-1]:.2f}, and {accuracy[-1]:.0%} are right"
    if np.isnan(state[-1]):
        return (
            f"The output's scores tell the labels apart with {end}; for the states no two labels have {ENOUGH} "
            "queries each."
        )
    early, best = lens.first_of_the_last_run(state >= auc[-1]), int(state.argmax())
    if early > found.layers:
        return (
            f"The states tell the labels apart best {lens.after(best)} (AUC {state[best]:.2f}), not as well as the "
            f"output's scores with {end}."
        )
    since = f"From layer {early - 1} on" if early else "Before the first layer already"
    if found.readable[early] >= 1 / 2:
        there = f"by the lens {accuracy[early]:.0%} are right there"
    else:
        there = "the lens cannot be read there"
    return (
        f"{since} the states tell the labels apart as well as the output's scores do (AUC {state[early]:.2f} there, "
        f"{auc[-1]:.2f} of the scores); {there}, at the end {accuracy[-1]:.0%}."
    )


def _decided(found: Depth) -> str:
    """The row by which at least half of the answers lead for good."""
    count, rows = len(found.lenses), np.sort(found.decided())
    half = -(-count // 2)
    if len(rows) < half:
        return f"By the first tokens of the label words {len(rows)} of {counted(count, 'answer')} lead in the end."
    row = int(rows[half - 1])
    who = "the answer leads" if count == 1 else f"at least half of {count} answers lead"
    where = "in the output alone" if row == found.layers else f"from {lens.after(row)} on"
    before = max(row - 1, 0)
    held, end = (percent(float(mass)) for mass in (found.mass[before], found.mass[-1]))
    mass = f"{lens.after(before)} labels hold {held} of the probability, at the end {end}"
    return f"Where readable, {who} for good {where}: {mass}."


def _of_wrong(found: Depth) -> Iterator[str]:
    """Where the gold label of the wrong answers is most probable, of the rows that the lens can read."""
    if not found.wrong.any():
        return
    gold = found.probability(found.gold, found.wrong)
    row = int(np.where(found.readable >= 1 / 2, gold, 0).argmax())
    if row < found.layers:
        yield (
            f"Of {counted(int(found.wrong.sum()), 'wrong answer')} the gold label is the likeliest {lens.after(row)} "
            f"(mean {gold[row]:.2f} of all labels; at the end {gold[-1]:.2f})."
        )
