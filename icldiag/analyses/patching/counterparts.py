"""What a prompt is compared with: another state of it, in words; and one to begin with where none is given.

Without a given counterpart, changes of the prompt are run and the one that takes most of the lead is taken: other
orders of the demonstrations, each of them left out, and, where none of these takes any, the query that is most alike
among those that were answered with the rival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from icldiag.analyses.contest import Contest
from icldiag.analyses.lab import Lab
from icldiag.analyses.orders import orders_by_last
from icldiag.analyses.patching.alignment import demonstration_pairs
from icldiag.analyses.prediction.compute import Prediction
from icldiag.errors import AnalysisError
from icldiag.model.readout import Progress
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.retrieval import likeness
from icldiag.prompt.schema import Prompt

ORDERS = 6
LEFT_OUT = 16  # demonstrations at most that are each left out
LEAST = 0.1  # nats of a lead (odds 1.1 times as long), under which shares of its change divide by rounding


@dataclass(frozen=True)
class Counterpart:
    """A prompt of one query."""

    prompt: Prompt
    chosen: str  # by what it was chosen; "" where it was given


def choose(lab: Lab, prediction: Prediction, contest: Contest, progress: Progress) -> Counterpart:
    """The change that takes most of the lead. Raises AnalysisError where there is none to compare with."""
    prompt, query = lab.prompt, contest.query
    asked = [prompt.queries[query]]
    count = len(prompt.demonstrations)
    labels = [example.known_label for example in prompt.demonstrations]
    orders = list(orders_by_last(labels, 0, ORDERS)) if count > 1 else []
    without = [
        tuple(place for place in range(count) if place != left) for left in range(min(count, LEFT_OUT)) if count > 1
    ]
    changes = [*orders, *without]
    questions = [lab.question(asked, order) for order in changes]
    leads = [contest.lead_in(scores[0]) for scores in lab.ask(questions, progress)]
    for group in (range(len(orders)), range(len(orders), len(changes)), range(len(changes))):
        best = min(group, key=leads.__getitem__, default=None)
        turns = best is not None and leads[best] < 0
        if best is not None and (turns or (len(group) == len(changes) and contest.lead - leads[best] >= LEAST)):
            what = "orders" if best < len(orders) else "demonstrations left out"
            tried = len(orders) if best < len(orders) else len(without)
            return Counterpart(questions[best].prompt, f"most of the lead gone, of {tried} {what}")
    return _nearest(prompt, prediction, contest)


def _nearest(prompt: Prompt, prediction: Prediction, contest: Contest) -> Counterpart:
    """The query most alike among those answered with the rival, rightly where that is known."""
    places = [
        place
        for place in range(len(prompt.queries))
        if int(prediction.predicted[place]) == contest.rival and not prediction.is_wrong(place)
    ]
    if not places:
        name = prediction.labels[contest.rival]
        raise AnalysisError(
            f"there is nothing to compare query {contest.query + 1} with: no order and no demonstration left out takes "
            f"{LEAST} nats of its lead, and no query is rightly answered {name}; pin another state (p) and change the "
            "prompt, or give a counterpart"
        )
    alike = likeness(prompt.queries[contest.query].text, tuple(prompt.queries[place].text for place in places))
    place = places[int(alike.argmax())]
    changed = replace(prompt.with_queries([prompt.queries[place]]), calibration=None, beta=None)
    right = "rightly " if prediction.gold[place] is not None else ""
    return Counterpart(changed, f"the most alike of the queries {right}answered {prediction.labels[contest.rival]}")


def in_words(here: EncodedPrompt, there: EncodedPrompt) -> str:
    """What the counterpart changes, as in "without demonstration 3". Raises AnalysisError where both read the same."""
    changes = list(_changes(here, there))
    if changes:
        return " and ".join(changes)
    one, other = (state.prefix + state.queries[0].ids for state in (here, there))
    if one == other:
        raise AnalysisError(
            "the two states read the same prompt, so there is nothing to patch; a calibration and a re-weighting "
            "change what is made of the model's states, not what it reads"
        )
    return "another template"


def _changes(here: EncodedPrompt, there: EncodedPrompt) -> Iterator[str]:
    ours, theirs = here.prompt, there.prompt
    pairs = demonstration_pairs(here, there)
    gone = sorted({*range(len(ours.demonstrations))} - {one for one, _ in pairs})
    if gone:
        yield f"without {_demonstrations(gone)}"
    new = len(theirs.demonstrations) - len(pairs)
    if new:
        yield f"with {new} other demonstration{'s' if new > 1 else ''}"
    for one, other in pairs:
        mine, its = ours.demonstrations[one], theirs.demonstrations[other]
        if mine.label != its.label:
            yield f"demonstration {one + 1} as {ours.label_names[its.known_label]}"
        elif mine.texts != its.texts:
            yield f"another text in demonstration {one + 1}"
    places = [other for _, other in pairs]
    if places != sorted(places):
        last = theirs.label_names[theirs.demonstrations[-1].known_label]
        own = {other: str(one + 1) for one, other in pairs}
        order = " ".join(own.get(place, "new") for place in range(len(theirs.demonstrations)))
        yield f"order {order} as numbered now, {last} last"
    if ours.queries[0].texts != theirs.queries[0].texts:
        yield "another query"
    elif ours.retrieved(ours.queries[0]) != theirs.retrieved(theirs.queries[0]):
        yield "other demonstrations of the query's own"
    if (ours.instruction, ours.template, ours.separator, ours.chat) != (
        theirs.instruction,
        theirs.template,
        theirs.separator,
        theirs.chat,
    ):
        yield "another template"


def _demonstrations(places: Sequence[int]) -> str:
    names = ", ".join(str(place + 1) for place in places)
    return f"demonstration{'s' if len(places) > 1 else ''} {names}"
