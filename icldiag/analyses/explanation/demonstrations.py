"""Evidence: one demonstration. What the answer owes to each of them.

For every demonstration: the lead when the target position alone cannot see it (all layers; the query's other tokens
still can), the lead when it is really taken out of the prompt, and the lead that its own text has in the prompt without
it. A demonstration of the answer's class is misread if its text reads more like those of the rival's demonstrations
than like those of its own class: it may carry a wrong label. Compared with each other, the texts need no threshold, and
what the prompt leans to takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.forward import Edits
from icldiag.prompt.schema import Example


@dataclass(frozen=True)
class DemonstrationEffect:
    """One demonstration; changes are those of the lead, in nats. Negative: it speaks for the answer."""

    index: int
    label: int
    hidden: Counterfactual  # the target position cannot see it
    removed: Counterfactual | None  # None for the only demonstration
    hidden_change: float
    removed_change: float | None
    percentile: float | None  # of `removed_change` among all demonstrations; 0 speaks most for the answer
    called: int | None  # the label that the prompt without it gives to its text
    text_lead: float | None  # of the answer over the rival for its text in that prompt, in nats
    alone: bool  # the only demonstration of its class: without it the class is not shown at all


def demonstration_effects(lab: Lab, contest: Contest) -> Inquiry[tuple[DemonstrationEffect, ...]]:
    """Hide and remove each demonstration."""
    shown = lab.prompt.demonstrations
    places, query = range(len(shown)), lab.prompt.queries[contest.query]
    labels = [_label(example) for example in shown]
    removable = places if len(shown) > 1 else ()
    answers = iter(
        (
            yield [
                *(lab.question([query], target_edits=_hiding(lab, place)) for place in places),
                *(lab.question([query, Example(shown[place].text, None)], _without(lab, place)) for place in removable),
            ]
        )
    )
    hidden = [next(answers)[0] for _ in places]
    removed = [next(answers) if place in removable else None for place in places]  # (2, C): of its own text, too
    changes = [None if scores is None else contest.lead_in(scores[0]) - contest.lead for scores in removed]
    defined = [change for change in changes if change is not None]
    effects = []
    for index, (scores, change) in enumerate(zip(removed, changes, strict=True)):
        name = f"demonstration {index + 1}"
        effects.append(
            DemonstrationEffect(
                index=index,
                label=labels[index],
                hidden=counterfactual(contest, f"{name} hidden from the target", hidden[index]),
                removed=None if scores is None else counterfactual(contest, f"{name} removed", scores[0]),
                hidden_change=contest.lead_in(hidden[index]) - contest.lead,
                removed_change=change,
                percentile=None if change is None else percentile(change, defined),
                called=None if scores is None else int(scores[1].argmax()),
                text_lead=None if scores is None else contest.lead_in(scores[1]),
                alone=labels.count(labels[index]) == 1,
            )
        )
    return tuple(effects)


def _label(example: Example) -> int:
    assert example.label is not None  # the schema asks for it
    return example.label


def _without(lab: Lab, index: int) -> list[int]:
    return [place for place in range(len(lab.prompt.demonstrations)) if place != index]


def _hiding(lab: Lab, index: int) -> Edits:
    """The target row may not attend to a demonstration in any layer."""
    blocked = torch.zeros(1, len(lab.encoded.prefix), dtype=torch.bool, device=lab.model.device)
    blocked[0, slice(*lab.encoded.demonstrations[index].span)] = True
    edit = Edit(torch.tensor([0], device=lab.model.device), blocked)
    return dict.fromkeys(range(lab.model.n_layers), edit)


def misreading(contest: Contest, effects: tuple[DemonstrationEffect, ...], effect: DemonstrationEffect) -> float | None:
    """By how many nats its text reads more like the rival's demonstrations than like its class's; None if unknown.

    Above 0 its text is nearer to the mean of the rival's texts than to the mean of its class's other ones, each read by
    the prompt without it.
    """
    mates = _leads(effects, effect.label, effect.index)
    against = _leads(effects, contest.rival, effect.index)
    if effect.text_lead is None or not mates or not against:
        return None
    return float((np.mean(mates) + np.mean(against)) / 2) - effect.text_lead


def _leads(effects: tuple[DemonstrationEffect, ...], label: int, but: int) -> list[float]:
    found = (effect for effect in effects if effect.label == label and effect.index != but)
    return [effect.text_lead for effect in found if effect.text_lead is not None]


def suspect_of(contest: Contest, effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """Of the answer's demonstrations the one that is misread most; where none is, the one that costs it most.

    The only demonstration of a class is no suspect: without it the class is not shown, and that its answer goes then
    says nothing.
    """
    own = [effect for effect in effects if effect.label == contest.answer and not effect.alone]
    misread = {effect.index: misreading(contest, effects, effect) or 0.0 for effect in own}
    if own and max(misread.values()) > 0:
        return max(own, key=lambda effect: misread[effect.index])
    return strongest(tuple(own))


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration whose removal costs the answer most of its lead."""
    measured = [effect for effect in effects if effect.removed_change is not None]
    return min(measured, key=lambda effect: effect.removed_change or 0.0) if measured else None
