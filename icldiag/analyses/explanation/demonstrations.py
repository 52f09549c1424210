"""Evidence: one demonstration. What the answer owes to each of them.

For every demonstration: the lead when the target position alone cannot see it (all layers; the query's other tokens
still can), the lead when it is really taken out of the prompt, and the lead that its own text has in the prompt without
it. A demonstration of the answer's class is misread if its text is
more likely one of the rival's class than of its own, by how the prompt reads texts whose class is known: it may carry a
wrong label. What the prompt leans to takes no part, and where it reads nothing well nothing is misread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t

from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.prediction.compute import Prediction
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
    relabelled: Counterfactual | None  # it carries the rival's label; None where it does not carry the answer's


def demonstration_effects(lab: Lab, contest: Contest) -> Inquiry[tuple[DemonstrationEffect, ...]]:
    """Hide and remove each demonstration, and give those of the answer the rival's label."""
    shown = lab.prompt.demonstrations
    places, query = range(len(shown)), lab.prompt.queries[contest.query]
    labels = [_label(example) for example in shown]
    removable = places if len(shown) > 1 else ()
    own = [place for place in places if labels[place] == contest.answer]
    answers = iter(
        (
            yield [
                *(lab.question([query], target_edits=_hiding(lab, place)) for place in places),
                *(
                    lab.question([query, replace(shown[place], label=None)], _without(lab, place))
                    for place in removable
                ),
                *(lab.question([query], labels={place: contest.rival}) for place in own),
            ]
        )
    )
    hidden = [next(answers)[0] for _ in places]
    removed = [next(answers) if place in removable else None for place in places]  # (2, C): of its own text, too
    rival = lab.prompt.label_names[contest.rival]
    relabelled = {
        place: counterfactual(contest, f"demonstration {place + 1} labelled {rival}", next(answers)[0]) for place in own
    }
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
                relabelled=relabelled.get(index),
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
    blocked = torch.zeros(1, len(lab.encoded.prefix), dtype=torch.bool)
    blocked[0, slice(*lab.encoded.demonstrations[index].span)] = True
    edit = Edit(torch.tensor([0]), blocked)
    return dict.fromkeys(range(lab.model.n_layers), edit)


@dataclass(frozen=True)
class Readings:
    """The leads (nats) that texts of the answer's class and of the rival's have in a prompt with one fewer of the
    answer's demonstrations: the demonstrations' own texts, and other queries by their gold labels.

    What a query has in the whole prompt is moved by what the prompt loses with one demonstration of the answer, the
    median over these of the change of the explained query's lead.
    """

    own: tuple[tuple[int | None, float], ...]  # place of the demonstration, None for a query; its lead
    rival: tuple[float, ...]
    candidates: int  # demonstrations of the answer, of which one may carry a wrong label

    def odds(self, place: int, lead: float) -> float | None:
        """Log odds that the text of a demonstration is the rival's and not the answer's; None if undefined.

        The two classes' leads are taken to be normal with one variance, unknown, so that a further text has Student's
        t distribution around each mean; and the one wrong label that there may be to be as likely at every candidate.
        """
        own, rival = np.array([of for where, of in self.own if where != place]), np.array(self.rival)
        freedom = len(own) + len(rival) - 2
        if not len(own) or not len(rival) or freedom < 1:
            return None
        squares = float(((own - own.mean()) ** 2).sum() + ((rival - rival.mean()) ** 2).sum())
        if own.mean() <= rival.mean() or squares == 0:  # the prompt does not tell the classes apart
            return None
        spread = np.sqrt(squares / freedom)
        densities = [t.logpdf(lead, freedom, of.mean(), spread * np.sqrt(1 + 1 / len(of))) for of in (rival, own)]
        return float(densities[0] - densities[1] - np.log(self.candidates))


def readings_of(contest: Contest, effects: tuple[DemonstrationEffect, ...], prediction: Prediction) -> Readings:
    """All texts whose class is known, but for the explained query's. An only demonstration of a class says nothing:
    without it its class is not shown.
    """
    shown = [effect for effect in effects if effect.text_lead is not None and not effect.alone]
    candidates = [effect for effect in shown if effect.label == contest.answer]
    changes = [effect.removed_change for effect in candidates if effect.removed_change is not None]
    moved = float(np.median(changes)) if changes else 0.0

    def queries(label: int) -> list[float]:
        places = [place for place, gold in enumerate(prediction.gold) if gold == label and place != contest.query]
        return [contest.lead_in(prediction.scores[place]) + moved for place in places]

    own: list[tuple[int | None, float]] = [(effect.index, effect.text_lead or 0.0) for effect in candidates]
    own += [(None, lead) for lead in queries(contest.answer)]
    rival = [effect.text_lead or 0.0 for effect in shown if effect.label == contest.rival]
    return Readings(tuple(own), (*rival, *queries(contest.rival)), len(candidates))


def misreading(contest: Contest, readings: Readings, effect: DemonstrationEffect) -> float | None:
    """Log odds that a demonstration of the answer has a wrong label, its text being the rival's; None if unknown."""
    if effect.label != contest.answer or effect.alone or effect.text_lead is None:
        return None
    return readings.odds(effect.index, effect.text_lead)


def suspect_of(
    contest: Contest, effects: tuple[DemonstrationEffect, ...], readings: Readings
) -> DemonstrationEffect | None:
    """Of the answer's demonstrations the one that is misread most; where none is, the one that costs it most.

    The only demonstration of a class is no suspect: without it the class is not shown, and that its answer goes then
    says nothing.
    """
    own = [effect for effect in effects if effect.label == contest.answer and not effect.alone]
    misread = {effect.index: misreading(contest, readings, effect) or 0.0 for effect in own}
    if own and max(misread.values()) > 0:
        return max(own, key=lambda effect: misread[effect.index])
    return strongest(tuple(own))


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration whose removal costs the answer most of its lead."""
    measured = [effect for effect in effects if effect.removed_change is not None]
    return min(measured, key=lambda effect: effect.removed_change or 0.0) if measured else None
