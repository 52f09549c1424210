"""Evidence: one demonstration. What the answer owes to each of them, and whether its text reads like its label.

For every demonstration: the lead when the target position alone cannot see it (all layers; the query's other tokens
still can), and the lead that its own text has as a query that cannot see it. Both go on from the prompt's own
demonstrations, which costs a few tokens; the one that is suspected is then really taken out, or labelled otherwise.

A demonstration of the answer's class is misread if its text is more likely one of the rival's class than of its own, by
how the prompt reads texts whose class is known: it may carry a wrong label. What the prompt leans to takes no part, and
where it reads nothing well nothing is misread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.analyses.prediction.compute import Prediction
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.prompt.schema import Example


@dataclass(frozen=True)
class DemonstrationEffect:
    """One demonstration; `change` is that of the lead, in nats. Negative: it speaks for the answer."""

    index: int
    label: int
    hidden: Counterfactual  # the target position cannot see it
    change: float
    percentile: float | None  # of `change` among all demonstrations; 0 speaks most for the answer
    called: int  # the label of its own text as a query that cannot see it
    text_lead: float  # of the answer over the rival for that text, in nats
    alone: bool  # the only demonstration of its class: without it the class is not shown at all


def demonstration_effects(lab: Lab, contest: Contest) -> Inquiry[tuple[DemonstrationEffect, ...]]:
    """Hide each demonstration from the target, and from its own text."""
    shown, query = lab.prompt.demonstrations, lab.prompt.queries[contest.query]
    own = lab.fitting([replace(example, label=None) for example in shown])
    places, labels = range(len(shown)), [_label(example) for example in shown]
    edits_of = [hiding(lab, place) for place in places]
    answers = yield [
        *(lab.question([query], target_edits=edits) for edits in edits_of),
        *(lab.question([text], query_edits=edits) for text, edits in zip(own, edits_of, strict=True)),
    ]
    hidden, texts = ([scores[0] for scores in part] for part in (answers[: len(shown)], answers[len(shown) :]))
    changes = [contest.lead_in(scores) - contest.lead for scores in hidden]
    return tuple(
        DemonstrationEffect(
            index=place,
            label=labels[place],
            hidden=counterfactual(contest, f"demonstration {place + 1} hidden from the target", hidden[place]),
            change=changes[place],
            percentile=percentile(changes[place], changes),
            called=int(texts[place].argmax()),
            text_lead=contest.lead_in(texts[place]),
            alone=labels.count(labels[place]) == 1,
        )
        for place in places
    )


def _label(example: Example) -> int:
    assert example.label is not None  # the schema asks for it
    return example.label


def hiding(lab: Lab, index: int) -> Edits:
    """A row that may not attend to a demonstration in any layer."""
    blocked = torch.zeros(1, len(lab.encoded.prefix), dtype=torch.bool)
    blocked[0, slice(*lab.encoded.demonstrations[index].span)] = True
    edit = Edit(torch.tensor([0]), blocked)
    return dict.fromkeys(range(lab.model.n_layers), edit)


@dataclass(frozen=True)
class Readings:
    """The leads (nats) of texts whose class is the answer's or the rival's, each as the prompt with one fewer of the
    answer's demonstrations reads it: the demonstrations' own texts, and other queries by their gold labels.

    What a query has in the whole prompt is moved by what the prompt loses with one demonstration of the answer, the
    median over these of the change of the explained query's lead.
    """

    own: tuple[tuple[int | None, float], ...]  # place of the demonstration, None for a query; its lead
    rival: tuple[float, ...]
    strongest: int | None  # of the answer's demonstrations, of which one may carry a wrong label
    candidates: int  # how many these are

    def odds(self, place: int, lead: float) -> float | None:
        """Log odds that the text of a demonstration is the rival's and not the answer's; None if undefined.

        The two classes' leads are taken to be normal with one variance, unknown, so that a further text has Student's
        t distribution around each mean. If there is a wrong label, it is as likely at the demonstration that this
        answer owes most to, as at any of the others.
        """
        own, rival = np.array([of for where, of in self.own if where != place]), np.array(self.rival)
        freedom = len(own) + len(rival) - 2
        if not len(own) or not len(rival) or freedom < 1:
            return None
        squares = float(((own - own.mean()) ** 2).sum() + ((rival - rival.mean()) ** 2).sum())
        if own.mean() <= rival.mean() or squares == 0:  # the prompt does not tell the classes apart
            return None
        from scipy.stats import t  # slow to import

        spread = np.sqrt(squares / freedom)
        densities = [t.logpdf(lead, freedom, of.mean(), spread * np.sqrt(1 + 1 / len(of))) for of in (rival, own)]
        ways = 2 if place == self.strongest else 2 * max(1, self.candidates - 1)
        return float(densities[0] - densities[1] - np.log(ways))


def readings_of(contest: Contest, effects: tuple[DemonstrationEffect, ...], prediction: Prediction) -> Readings:
    """All texts whose class is known, but for the explained query's. An only demonstration of a class says nothing:
    without it its class is not shown.
    """
    shown = [effect for effect in effects if not effect.alone]
    candidates = tuple(effect for effect in shown if effect.label == contest.answer)
    moved = float(np.median([effect.change for effect in candidates])) if candidates else 0.0

    def queries(label: int) -> list[float]:
        places = [place for place, gold in enumerate(prediction.gold) if gold == label and place != contest.query]
        return [contest.lead_in(prediction.scores[place]) + moved for place in places]

    own: list[tuple[int | None, float]] = [(effect.index, effect.text_lead) for effect in candidates]
    own += [(None, lead) for lead in queries(contest.answer)]
    rival = [effect.text_lead for effect in shown if effect.label == contest.rival]
    most = strongest(candidates)
    return Readings(
        tuple(own), (*rival, *queries(contest.rival)), None if most is None else most.index, len(candidates)
    )


def misreading(contest: Contest, readings: Readings, effect: DemonstrationEffect) -> float | None:
    """Log odds that a demonstration of the answer has a wrong label, its text being the rival's; None if unknown."""
    if effect.label != contest.answer or effect.alone:
        return None
    return readings.odds(effect.index, effect.text_lead)


def suspect_of(
    contest: Contest, effects: tuple[DemonstrationEffect, ...], readings: Readings
) -> DemonstrationEffect | None:
    """Of the answer's demonstrations the one that is misread most; where none is, the one that it owes most to.

    The only demonstration of a class is no suspect: without it the class is not shown, and that its answer goes then
    says nothing.
    """
    own = [effect for effect in effects if effect.label == contest.answer and not effect.alone]
    misread = {effect.index: misreading(contest, readings, effect) or 0.0 for effect in own}
    if own and max(misread.values()) > 0:
        return max(own, key=lambda effect: misread[effect.index])
    return strongest(tuple(own))


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration that the lead loses most with when it is hidden."""
    return min(effects, key=lambda effect: effect.change, default=None)
