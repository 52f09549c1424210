"""Evidence: one demonstration. What the answer owes to each of them, and whether its text reads like its label.

For every demonstration: the lead when the target position alone cannot see it (all layers; the query's other tokens
still can), and the lead that its own text has as a query that cannot see it. Both go on from the prompt's own
demonstrations, which costs a few tokens; the one that is suspected is then really taken out, or labelled otherwise.

A demonstration of the answer's class is misread if its text is more likely one of the rival's class than of its own, by
how other queries of the two classes are read that cannot see it either: it may carry a wrong label. What hides one
demonstration moves all leads, by more than texts differ, so that leads are compared only where the same one is hidden.
What the prompt leans to takes no part, and where it reads nothing well nothing is misread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.explanation.others import MOST, Others
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.prompt.schema import Example

READ = 8 * MOST  # queries that are asked to read demonstrations by, in all


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
    odds: (
        float | None
    )  # log odds that it is one of the answer's class with a wrong label; None if unknown, or of others
    alone: bool  # the only demonstration of its class: without it the class is not shown at all

    @property
    def misread(self) -> bool:
        """Whether its text is more likely the rival's."""
        return self.odds is not None and self.odds > 0


def demonstration_effects(lab: Lab, contest: Contest, others: Others) -> Inquiry[tuple[DemonstrationEffect, ...]]:
    """Hide each demonstration from the target, and from its own text; those of the answer's class, unless it is the
    only one, also from other queries.
    """
    shown, query = lab.prompt.demonstrations, lab.prompt.queries[contest.query]
    texts = lab.fitting([replace(example, label=None) for example in shown])
    places, labels = range(len(shown)), [_label(example) for example in shown]
    suspects = [place for place in places if labels[place] == contest.answer and labels.count(contest.answer) > 1]
    known = others.some(READ // max(1, len(suspects))) if others.both else others.some(0)
    beside = [lab.prompt.queries[place] for place in known.queries]
    edits_of = [hiding(lab, place) for place in places]
    answers = yield [
        *(lab.question([query], target_edits=edits) for edits in edits_of),
        *(
            lab.question([texts[place], *(beside if place in suspects else ())], query_edits=edits_of[place])
            for place in places
        ),
    ]
    hidden, read = [scores[0] for scores in answers[: len(shown)]], answers[len(shown) :]
    changes = [contest.lead_in(scores) - contest.lead for scores in hidden]
    leads = [contest.lead_in(scores[0]) for scores in read]
    strongest = min(suspects, key=lambda place: changes[place], default=None)

    def odds(place: int) -> float | None:
        """By other queries; where none of them has a known label, by the texts of the other demonstrations."""
        if place not in suspects:
            return None
        if known.both:
            rows = [contest.lead_in(scores) for scores in read[place][1:]]
            own, rival = (
                [lead for lead, of in zip(rows, known.own, strict=True) if of == side] for side in (True, False)
            )
        else:
            own = [leads[other] for other in suspects if other != place]
            rival = [leads[other] for other in places if labels[other] == contest.rival]
            rival = rival if len(rival) > 1 else []  # hidden from its own text, an only one leaves the class unshown
        ways = 2 if place == strongest else 2 * max(1, len(suspects) - 1)
        return log_odds(leads[place], own, rival, ways)

    return tuple(
        DemonstrationEffect(
            index=place,
            label=labels[place],
            hidden=counterfactual(contest, f"demonstration {place + 1} hidden from the target", hidden[place]),
            change=changes[place],
            percentile=percentile(changes[place], changes),
            called=int(read[place][0].argmax()),
            text_lead=leads[place],
            odds=odds(place),
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


def log_odds(lead: float, own: Sequence[float], rival: Sequence[float], ways: int) -> float | None:
    """Log odds that a text with this lead (nats) is the rival's and not the answer's; None if undefined.

    The two classes' leads are taken to be normal with one variance, unknown, so that a further text has Student's t
    distribution around each mean.

    Args:
        own: leads of texts of the answer's class.
        rival: leads of texts of the rival's.
        ways: one wrong label in so many demonstrations is expected here. If there is one, it is as likely at the
            demonstration that the answer owes most to, as at any of the others.
    """
    freedom = len(own) + len(rival) - 2
    if not len(own) or not len(rival) or freedom < 1:
        return None
    means = [float(np.mean(rival)), float(np.mean(own))]
    squares = float(np.var(own) * len(own) + np.var(rival) * len(rival))
    if means[1] <= means[0] or squares == 0:  # the prompt does not tell the classes apart
        return None
    from scipy.stats import t  # slow to import

    spread = np.sqrt(squares / freedom)
    counts = (len(rival), len(own))
    densities = [
        t.logpdf(lead, freedom, mean, spread * np.sqrt(1 + 1 / count))
        for mean, count in zip(means, counts, strict=True)
    ]
    return float(densities[0] - densities[1] - np.log(ways))


def suspect_of(contest: Contest, effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """Of the answer's demonstrations the one that is misread most; where none is, the one that it owes most to.

    The only demonstration of a class is no suspect: without it the class is not shown, and that its answer goes then
    says nothing.
    """
    own = [effect for effect in effects if effect.label == contest.answer and not effect.alone]
    misread = [effect for effect in own if effect.misread]
    return max(misread, key=lambda effect: effect.odds or 0.0) if misread else strongest(tuple(own))


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration that the lead loses most with when it is hidden."""
    return min(effects, key=lambda effect: effect.change, default=None)
