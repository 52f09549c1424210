"""What depth says, in sentences that hold with two labels, with one query, and without gold labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from icldiag.analyses import lens
from icldiag.analyses.depth.compute import Depth, QueryDepth
from icldiag.analyses.depth.mean_shares import MeanShares
from icldiag.analyses.roc import ENOUGH
from icldiag.counting import counted
from icldiag.model.direct import DirectParts


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


def reading_of_means(found: MeanShares) -> str:
    """Which part writes most of the lead on average, of the right and of the wrong answers."""
    if not found.parts:
        return f"No direct shares: {found.missing}."
    told = []
    for name, chosen in found.groups.items():
        parts = found.mean(chosen)
        most, least = (max(shares(parts), key=lambda share: sign * share.nats) for sign in (1, -1))
        who = counted(int(chosen.sum()), f"{name} answer")
        told.append(
            f"Of the mean lead of {who} ({parts.difference:+.1f} nats over the rival) attention writes "
            f"{nats(float(parts.attention.sum()))} and the MLPs {nats(float(parts.mlp.sum()))} directly, most "
            f"{_the(most)}, least {_the(least)}."
        )
    return " ".join(told)


def reading(found: Depth) -> str:
    """How the labels are separated by layer, and from where the answers lead."""
    return " ".join([_separated(found), _decided(found), *_of_wrong(found)])


def _separated(found: Depth) -> str:
    """Where the states tell the labels apart as well as the output's scores do, beside what is right there."""
    states, accuracy, count = found.states, found.accuracy, sum(label is not None for label in found.gold)
    if np.isnan(found.auc[-1]):
        return f"Nothing to separate: {'one gold label alone' if count else 'no gold label'} is known."
    right = f"{accuracy[-1]:.0%} of {counted(count, 'labelled query')} {'is' if count == 1 else 'are'} right"
    if states is None:
        return (
            f"The scores tell the labels apart with AUC {found.auc[-1]:.2f}, and {right}; for the states no "
            f"two labels have {ENOUGH} queries."
        )
    sure = np.flatnonzero(states.surely_as_well)
    row = int(sure[0]) if sure.size else int(states.auc.argmax())
    told = f"{lens.after(row)} already the states tell the labels apart at least as well as the output's scores do"
    if not sure.size:
        difference = states.differences[row]
        worse = difference is not None and difference.high < 0
        beside = "not as well as" if worse else "by the intervals not surely better or worse than"
        told = f"the states tell the labels apart best {lens.after(row)}, {beside} the output's scores"
    null = states.shuffled[row]
    there = "the lens cannot be read there"
    if found.readable[row] >= 1 / 2:
        there = f"by the lens {accuracy[row]:.0%} are right there"
    return (
        f"{told[0].upper()}{told[1:]}: AUC {states.estimates[row]} there, {states.output} of the scores; shuffled "
        f"labels give {null.low:.2f} to {null.high:.2f}. {there[0].upper()}{there[1:]}; {right}."
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
    there, end = ((float(found.mass[at]), float(found.spelled[at])) for at in (before, -1))
    mass = f"{lens.after(before)} label words hold {lens.held(there, end)}"
    return f"Where readable, {who} for good {where}: {mass}."


def _of_wrong(found: Depth) -> Iterator[str]:
    """Where the gold label of the wrong answers is most probable, of the rows that the lens can read."""
    if not found.wrong.any():
        return
    gold = found.probability(found.gold, found.wrong)
    row = int(np.where(found.readable >= 1 / 2, gold, 0).argmax())
    if row < found.layers:
        yield (
            f"Of {counted(int(found.wrong.sum()), 'wrong answer')} the gold label is likeliest {lens.after(row)} "
            f"(mean {gold[row]:.2f}, at the end {gold[-1]:.2f})."
        )
