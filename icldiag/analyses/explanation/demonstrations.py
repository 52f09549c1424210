"""Evidence: one demonstration. What the answer owes to each of them, and whether its text reads like its label.

For every demonstration: the lead when the target position alone cannot see it (all layers; the query's other tokens
still can), and the lead that its own text has as a query that cannot see it. Both go on from the prompt's own
demonstrations, which costs a few tokens; the one that is suspected is then really taken out, or labelled otherwise.

Whether the text of a demonstration of the answer's class is rather the rival's is read by how other queries of the two
classes are read that cannot see it either. What hides one demonstration moves all leads, by more than texts differ, so
that leads are compared only where the same one is hidden. What the prompt leans to takes no part. `relabelled` adds to
it what other queries say of its label.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from icldiag.analyses.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.estimates import log_likelihood
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
    likelihood: float | None  # log p(text | the rival's) - log p(text | the answer's), if it is one of the answer's
    alone: bool  # the only demonstration of its class: without it the class is not shown at all
    relabelled: float | None = None  # how much likelier other queries' labels are if it has the rival's, in nats
    odds: float | None = None  # log odds that its label is wrong, by all evidence; None if unknown, or of others

    @property
    def mislabelled(self) -> bool:
        """Whether its label is rather wrong than right."""
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

    def likelihood(place: int) -> float | None:
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
        return log_likelihood(leads[place], own, rival)

    return tuple(
        DemonstrationEffect(
            index=place,
            label=labels[place],
            hidden=counterfactual(contest, f"demonstration {place + 1} hidden from the target", hidden[place]),
            change=changes[place],
            percentile=percentile(changes[place], changes),
            called=int(read[place][0].argmax()),
            text_lead=leads[place],
            likelihood=likelihood(place),
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


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration that the lead loses most with when it is hidden."""
    return min(effects, key=lambda effect: effect.change, default=None)
