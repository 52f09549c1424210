"""Evidence: every number is that of the run it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import t

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.balance import DRAWS, rankings, surplus
from icldiag.analyses.explanation.contest import Contest, Counterfactual
from icldiag.analyses.explanation.demonstrations import (
    DemonstrationEffect,
    Readings,
    misreading,
    readings_of,
    suspect_of,
)
from icldiag.analyses.explanation.order import ORDERS, OrderEvidence
from icldiag.analyses.orders import sample_orders
from icldiag.model.attention import Edit
from icldiag.model.readout import label_probabilities, read_queries, silent
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.analyses.explanation.asked import scores_of
from tests.conftest import Tiny


def test_demonstrations_are_really_removed_and_hidden(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    prompt, contest = session.prompt, found.contest
    text = prompt.queries[contest.query].text
    shown = prompt.demonstrations
    for effect in found.demonstrations:
        kept = replace(prompt, demonstrations=(*shown[: effect.index], *shown[effect.index + 1 :]))
        assert effect.removed is not None
        assert effect.removed_change is not None
        assert effect.removed.lead == pytest.approx(contest.lead_in(scores_of(kept, session, text)), abs=1e-4)
        assert effect.removed_change == pytest.approx(effect.removed.lead - contest.lead, abs=1e-6)
        own = scores_of(kept, session, shown[effect.index].text)
        assert effect.called == own.argmax()
        assert effect.text_lead == pytest.approx(contest.lead_in(own), abs=1e-4)
        assert effect.alone == ([example.label for example in shown].count(effect.label) == 1)
        assert (effect.relabelled is None) == (effect.label != contest.answer)
        if effect.relabelled is not None:
            other = tuple(
                replace(old, label=contest.rival) if place == effect.index else old for place, old in enumerate(shown)
            )
            lead = contest.lead_in(scores_of(replace(prompt, demonstrations=other), session, text))
            assert effect.relabelled.lead == pytest.approx(lead, abs=1e-4)
        start, stop = session.encoded.demonstrations[effect.index].span
        blocked = torch.zeros(1, len(session.encoded.prefix), dtype=torch.bool)
        blocked[0, start:stop] = True
        edits = dict.fromkeys(range(session.model.n_layers), Edit(torch.tensor([0]), blocked))
        seen = read_queries(session.model, session.encoded, session.prefix(silent), target_edits=edits)
        assert effect.hidden.lead == pytest.approx(contest.lead_in(seen.label_scores[contest.query]), abs=1e-4)


def test_dividing_the_prior_out_divides_by_the_mean_answer(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    contextual = found.prior.source("contextual")
    batch = found.prior.source("batch")
    assert contextual is not None
    assert batch is not None
    free = np.array([scores_of(session.prompt, session, text) for text in CONTENT_FREE])
    prior = label_probabilities(free).mean(axis=0)
    np.testing.assert_allclose(contextual.probabilities, prior, atol=1e-5)
    own = session.prediction().scores[found.contest.query]
    expected = found.contest.lead_in(own - np.log(prior))
    assert contextual.divided.lead == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(batch.probabilities, session.prediction().probabilities.mean(axis=0))


def test_orders_are_run_as_they_are_named(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    shown, text = session.prompt.demonstrations, session.prompt.queries[found.contest.query].text
    assert len(set(found.order.orders)) == len(found.order.orders) == ORDERS
    for order, run in list(zip(found.order.orders, found.order.runs, strict=True))[:3]:
        moved = replace(session.prompt, demonstrations=tuple(shown[place] for place in order))
        assert run.lead == pytest.approx(found.contest.lead_in(scores_of(moved, session, text)), abs=1e-4)
        assert run.change == "order " + " ".join(str(place + 1) for place in order)


def test_all_orders_of_few_demonstrations_are_sampled() -> None:
    assert sample_orders(1, 0) == ()
    assert sample_orders(2, 0) == ((1, 0),)
    assert len(sample_orders(3, 0)) == 5
    assert sample_orders(6, 0) == sample_orders(6, 0) != sample_orders(6, 1)


def test_as_many_of_each_class_stay_by_a_ranking(prompt: Prompt) -> None:
    labels = [example.label for example in prompt.demonstrations]  # two of Person
    draws = rankings(labels, 0)
    assert len(draws) == DRAWS
    for ranking in draws:
        (left,) = surplus(labels, ranking)
        own = [place for place in ranking if labels[place] == 0]
        assert left == own[1]  # the one that is ranked behind its mate
    assert surplus(labels, draws[0], without=[own[0]]) == set()
    assert surplus([0, 1, 1, 1], (3, 2, 1, 0)) == {1, 2}
    assert rankings(labels[:3], 0) == ()


def test_the_end_is_told_from_the_rest_of_an_order(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    shown = prompt.demonstrations
    for query in range(len(prompt.queries)):
        found = session.explanation(query)
        order, contest = found.order, found.contest
        assert [shown[of[-1]].label for of in order.orders] == list(order.lasts)
        assert bool(order.ending) == (shown[-1].label == contest.answer)  # both of Person can come last
        for run in order.ending:
            places = [int(place) - 1 for place in run.change.removeprefix("order ").split()]
            assert sorted(places) == list(range(len(shown)))
            assert shown[places[-1]].label == contest.answer
            moved = replace(prompt, demonstrations=tuple(shown[place] for place in places))
            lead = contest.lead_in(scores_of(moved, session, prompt.queries[query].text))
            assert run.lead == pytest.approx(lead, abs=1e-4)


@pytest.mark.parametrize(("end", "elsewhere", "counts"), [(1.5, -1.0, True), (-0.5, -1.0, False), (2.5, 2.5, False)])
def test_the_end_counts_if_it_does_more_than_all_else(end: float, elsewhere: float, counts: bool) -> None:
    """Of a lead of 2."""

    def runs(lead: float) -> tuple[Counterfactual, ...]:
        return (Counterfactual("an order", 0, lead, 0.3, False),) * 2

    ends = OrderEvidence(((1, 0), (0, 1)), runs(elsewhere), (0.0, 0.0), (1, 1), 50.0, 0, runs(end))
    assert ends.end_counts(CONTEST) == counts
    assert not replace(ends, last=1, ending=()).end_counts(CONTEST)  # it ends with another class
    assert not replace(ends, lasts=(0, 0)).end_counts(CONTEST)  # no order ends with another one
    alone = replace(ends, ending=())  # all other orders end otherwise: what the order does is what its end does
    assert alone.end_counts(CONTEST) == (elsewhere < CONTEST.lead)


def effect(index: int, label: int, text_lead: float | None, change: float = -1.0) -> DemonstrationEffect:
    run = Counterfactual("a change", 0, 1.0, 0.3, False)
    return DemonstrationEffect(index, label, run, run, 0.0, change, 50.0, 0, text_lead, False, None)


CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)


def test_a_text_is_misread_if_it_is_more_likely_one_of_the_rival_s() -> None:
    own: tuple[tuple[int | None, float], ...] = ((0, 9.0), (1, 1.0), (2, 8.0), (None, 10.0), (None, 9.5))
    readings = Readings(own, (1.0, 2.0, 0.0), candidates=3)
    wrong, right = effect(1, 0, 1.0), effect(0, 0, 9.0)
    mates = [lead for place, lead in own if place != 1]
    freedom = len(mates) + 3 - 2
    spread = np.sqrt((np.var(mates) * 4 + np.var([1.0, 2.0, 0.0]) * 3) / freedom)
    likely = [t.pdf(1.0, freedom, np.mean(of), spread * np.sqrt(1 + 1 / len(of))) for of in ([1.0, 2.0, 0.0], mates)]
    assert misreading(CONTEST, readings, wrong) == pytest.approx(np.log(likely[0] / likely[1] / 3))
    assert (misreading(CONTEST, readings, wrong) or 0) > 0 > (misreading(CONTEST, readings, right) or 0)
    assert suspect_of(CONTEST, (right, wrong, effect(3, 1, 1.0)), readings) == wrong
    assert misreading(CONTEST, readings, effect(3, 1, 1.0)) is None  # not one of the answer
    assert misreading(CONTEST, readings, replace(wrong, alone=True)) is None
    assert misreading(CONTEST, replace(readings, rival=()), wrong) is None  # nothing to compare with
    assert misreading(CONTEST, replace(readings, rival=(20.0, 21.0)), wrong) is None  # it does not tell them apart


def test_what_a_prompt_reads_badly_is_not_misread() -> None:
    own: tuple[tuple[int | None, float], ...] = ((0, 1.0), (1, 1.0), (None, 9.0), (None, -3.0), (None, 4.0))
    assert (misreading(CONTEST, Readings(own, (-1.0, 5.0, 0.0), 2), effect(1, 0, 1.0)) or 0) < 0


def test_the_texts_of_the_demonstrations_and_of_other_queries_are_read(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    contest, prediction = found.contest, session.prediction()
    readings = readings_of(contest, found.demonstrations, prediction)
    shown = [of for of in found.demonstrations if not of.alone]
    own = [of for of in shown if of.label == contest.answer]
    assert readings.candidates == len(own)
    moved = float(np.median([of.removed_change or 0.0 for of in own])) if own else 0.0
    rivals = [place for place, gold in enumerate(prediction.gold) if gold == contest.rival and place != contest.query]
    expected = [of.text_lead for of in shown if of.label == contest.rival]
    expected += [contest.lead_in(prediction.scores[place]) + moved for place in rivals]
    assert list(readings.rival) == pytest.approx(expected)


def test_where_no_text_is_misread_the_strongest_demonstration_is_suspected() -> None:
    effects = (effect(0, 0, 5.0, -1.0), effect(1, 0, 5.0, -3.0), effect(2, 1, 0.0, -9.0))
    unknown = Readings((), (), 2)
    assert suspect_of(CONTEST, effects, unknown) == effects[1]
    assert suspect_of(CONTEST, (replace(effects[0], alone=True), effects[2]), unknown) is None
