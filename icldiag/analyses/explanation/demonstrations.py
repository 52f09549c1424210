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
from icldiag.analyses.explanation.variants import Variants
from icldiag.lazy import torch
from icldiag.model.attention import Edit
from icldiag.model.forward import Edits
from icldiag.model.readout import FloatArray
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


def demonstration_effects(variants: Variants, contest: Contest) -> tuple[DemonstrationEffect, ...]:
    """Hide and remove each demonstration."""
    shown = variants.prompt.demonstrations
    labels = [_label(example) for example in shown]
    hidden = [variants.ask_edited(target_edits=_hiding(variants, index)) for index in range(len(shown))]
    removed = [_without(variants, index) for index in range(len(shown))] if len(shown) > 1 else [None] * len(shown)
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
                relabelled=_relabelled(variants, contest, index)
                if labels[index] == contest.answer and labels.count(contest.answer) > 1
                else None,
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


def _without(variants: Variants, index: int) -> FloatArray:
    """Label scores (2, C) of the query, and of the demonstration's own text, in the prompt without it."""
    shown = variants.prompt.demonstrations
    kept = [place for place in range(len(shown)) if place != index]
    return variants.ask(kept, [variants.query, Example(shown[index].text, None)])


def _relabelled(variants: Variants, contest: Contest, index: int) -> Counterfactual:
    name = variants.prompt.label_names[contest.rival]
    scores = variants.ask(None, [variants.query], {index: contest.rival})[0]
    return counterfactual(contest, f"demonstration {index + 1} labelled {name}", scores)


def _hiding(variants: Variants, index: int) -> Edits:
    """The target row may not attend to a demonstration in any layer."""
    blocked = torch.zeros(1, len(variants.encoded.prefix), dtype=torch.bool, device=variants.model.device)
    blocked[0, slice(*variants.encoded.demonstrations[index].span)] = True
    edit = Edit(torch.tensor([0], device=variants.model.device), blocked)
    return dict.fromkeys(range(variants.model.n_layers), edit)


def strongest(effects: tuple[DemonstrationEffect, ...]) -> DemonstrationEffect | None:
    """The demonstration whose removal costs the answer most of its lead."""
    measured = [effect for effect in effects if effect.removed_change is not None]
    return min(measured, key=lambda effect: effect.removed_change or 0.0) if measured else None
