"""Patching in sentences: the conclusion first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses import lens
from icldiag.analyses.patching.answer import Carrier, HeadShare, Patching
from icldiag.counting import counted, joined
from icldiag.page.text import ranges

NAMED = 2  # heads at most
NOTABLE = 0.1  # of the change: what a head that is named moves at least


def reading(found: Patching) -> str:
    """Through what the change works, and what was compared."""
    return f"{conclusion(found)} {compared(found)}"


def compared(found: Patching) -> str:
    """What was compared, and what the change does to the lead."""
    answer, rival = found.labels[found.answer], found.labels[found.rival]
    change = found.change if found.change.startswith(("with ", "without ")) else f"with {found.change}"
    how = f" ({found.chosen})" if found.chosen else ""
    leads = f"{answer} leads {rival} by {found.lead:+.2f} nats here, {found.counterpart_lead:+.2f} there"
    there = found.labels[found.counterpart_answer]
    return f"Query {found.query + 1} against the prompt {change}{how}: {leads} (answer {there})."


def conclusion(found: Patching) -> str:
    """Where the change passes, and which heads read it there; or that nothing stands out."""
    if not found.defined:
        return (
            f"The change moves the lead by {abs(found.difference):.2f} nats, too little to say what carries it: shares "
            "of so little would be rounding."
        )
    if not found.whole:
        return _estimated(found)
    arrival, carriers = found.arrival, found.carriers
    if arrival == 0:
        return "The change is at the target itself from the input of the first layer on."
    end = f"the target holds it from the input of layer {arrival} on"
    if arrival is None:
        end = "the target holds it in no layer's input"
    if not carriers:
        heads = [head for head in found.heads if found.share(head.denoised) >= NOTABLE][:NAMED]
        by = f", brought by {_named([(head, found.share(head.denoised)) for head in heads])}" if heads else ""
        return f"Of what was patched only the target holds half of the change{_most(found)}; {end}{by}."
    readers = readers_of(found)
    by = f", read by {_named(readers)}" if readers else ""
    return (
        f"The change works through {found.sites[carriers[0].site].name} in the input of {_layers(carriers[0].layers)} "
        f"({_most_of_it(carriers[0])}{_back(carriers[0].back)}){by}; {end}."
    )


def _most_of_it(carrier: Carrier) -> str:
    """The number is of one layer, the one in which it is largest."""
    if len(carrier.layers) == 1:
        return f"{carrier.share:.2f} of it"
    return f"{carrier.share:.2f} of it at most, in layer {carrier.at}"


def _back(share: float) -> str:
    """What the same place does the other way, where it can be put back: less says that others hold the change too."""
    return "" if np.isnan(share) else f"; run back {share:.2f}"


def readers_of(found: Patching) -> list[tuple[HeadShare, float]]:
    """The heads that move most by what they read at the carrier, with the share of the change that this moves."""
    read = [(head, found.share(head.read)) for head in found.heads if head.read is not None]
    return sorted((pair for pair in read if pair[1] >= NOTABLE), key=lambda pair: -pair[1])[:NAMED]


def _named(heads: Sequence[tuple[HeadShare, float]]) -> str:
    """'head 17.3 (0.21)', 'heads 17.3 (0.21) and 18.1 (0.12)'."""
    names = [f"{head.layer}.{head.head} ({share:.2f})" for head, share in heads]
    return f"head{'s' if len(names) > 1 else ''} {joined(names)}"


def input_of(layer: int) -> str:
    """What is patched, in the words of panel Depth: 'the input of layer 3, the state after layer 2'."""
    return f"the input of layer {layer}, the state {lens.after(layer)}"


def _layers(layers: Sequence[int]) -> str:
    return f"layer {layers[0]}" if len(layers) == 1 else f"layers {ranges(layers)}"


def _estimated(found: Patching) -> str:
    """Before all passes were run: what the first-order estimates say."""
    shares = found.shares(found.estimates[0])  # (L, S)
    layer, place = found.likeliest or (0, 0)
    if found.likeliest is None or not shares[layer, place] > 0:
        return "A first estimate: nothing but the target carries the change."
    return (
        f"A first estimate: most of the change ({shares[layer, place]:.2f}) goes through {found.sites[place].name} in "
        f"the input of layer {layer}; the passes are being run."
    )


def _most(found: Patching) -> str:
    if found.strongest is None:
        return ""
    layer, site = found.strongest
    share, back = (float(found.shares(moved)[layer, site]) for moved in found.moved)
    return (
        f"; the most is {found.sites[site].name} in the input of layer {layer} ({share:.2f}{_back(back)})"
        if share > 0
        else ""
    )


def agreement(found: Patching) -> str:
    """How far the estimates are from the passes that were run."""
    run = ~np.isnan(found.moved) & ~np.isnan(found.estimates)
    run[:, :, list(found.same)] = False
    if not found.defined or not run.any():
        return ""
    wanted, estimated = (np.abs(found.shares(numbers[run])) for numbers in (found.moved, found.estimates))
    told = np.maximum(wanted, estimated) >= NOTABLE  # most cells move nothing, and any estimate is near there
    said = f"Of {counted(int(run.sum()), 'pass')}"
    if not told.any():
        return f"{said} none moves {NOTABLE} of the change, nor was estimated to."
    apart = np.abs(found.shares(found.estimates[run] - found.moved[run]))[told]
    return (
        f"{said} {told.sum()} move {NOTABLE} of the change or were estimated to: there the first-order estimates are "
        f"off by {np.median(apart):.2f} of the change in the median, {apart.max():.2f} at most."
    )
