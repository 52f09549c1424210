"""Evidence: one demonstration. What the answer owes to each of them.

For every demonstration: the lead when the target position alone cannot see it (all layers; the query's other tokens
still can), the lead when it is really taken out of the prompt, and the label that the prompt without it gives to its
own text; for those of the answer's class also the lead when they carry the rival's label instead. A demonstration whose
text the others take for the rival's, and without which, or with that label, the rival is answered, is likely to carry
the wrong label; see `suspect`.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    relabelled: Counterfactual | None  # with the rival's label; only of several that have the answer's
    hidden_change: float
    removed_change: float | None
    percentile: float | None  # of `removed_change` among all demonstrations; 0 speaks most for the answer
    called: int | None  # the label that the prompt without it gives to its text
    text_lead: float | None  # of the answer over the rival for its text in that prompt, in nats
    alone: bool  # the only demonstration of its class: without it the class is not shown at all

    @property
    def turning(self) -> Counterfactual | None:
        """What was done to it that made the rival the answer, the smaller change first."""
        return next((run for run in (self.removed, self.relabelled) if run is not None and run.turned), None)


def demonstration_effects(lab: Lab, contest: Contest) -> Inquiry[tuple[DemonstrationEffect, ...]]:
    """Hide, remove and relabel each demonstration."""
    shown = lab.prompt.demonstrations
    places, query = range(len(shown)), lab.prompt.queries[contest.query]
    labels = [_label(example) for example in shown]
    removable = places if len(shown) > 1 else ()
    own = [place for place in places if labels[place] == contest.answer and labels.count(contest.answer) > 1]
    answers = iter(
        (
            yield [
                *(lab.question([query], target_edits=_hiding(lab, place)) for place in places),
                *(lab.question([query, Example(shown[place].text, None)], _without(lab, place)) for place in removable),
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
                relabelled=relabelled.get(index),
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


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration whose removal costs the answer most of its lead."""
    measured = [effect for effect in effects if effect.removed_change is not None]
    return min(measured, key=lambda effect: effect.removed_change or 0.0) if measured else None
