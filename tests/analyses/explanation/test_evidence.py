"""Evidence: every number is that of the run it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.contest import Contest, Counterfactual
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, misreading, suspect_of
from icldiag.analyses.explanation.order import ORDERS
from icldiag.analyses.explanation.prior import balanced_draws
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


def test_as_many_of_each_class_are_kept_in_their_order(prompt: Prompt) -> None:
    draws = balanced_draws(prompt.demonstrations, 0)  # two of Person
    assert draws
    for kept in draws:
        assert sorted(prompt.demonstrations[place].label or 0 for place in kept) == [0, 1, 2]
        assert kept == sorted(kept)
    assert balanced_draws(prompt.demonstrations[:3], 0) == []


def test_the_answer_s_demonstrations_are_put_first_where_they_come_last(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    for query in range(len(prompt.queries)):
        found = session.explanation(query)
        order, contest = found.order, found.contest
        assert (order.first is None) == (prompt.demonstrations[-1].label != contest.answer)
        if order.first is not None and order.put_first is not None:
            assert order.first == (0, 3, 1, 2)  # two of Person, the class that comes last
            moved = replace(prompt, demonstrations=tuple(prompt.demonstrations[place] for place in order.first))
            lead = contest.lead_in(scores_of(moved, session, prompt.queries[query].text))
            assert order.put_first.lead == pytest.approx(lead, abs=1e-4)
            break
    else:
        pytest.fail("no query is answered with the class that comes last")


def effect(
    index: int, label: int, text_lead: float | None, change: float = -1.0, alone: bool = False
) -> DemonstrationEffect:
    run = Counterfactual("a change", 0, 1.0, 0.3, False)
    return DemonstrationEffect(index, label, run, run, 0.0, change, 50.0, 0, text_lead, False)


CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)


def test_a_text_is_misread_if_it_lies_nearer_to_the_rival_s_texts() -> None:
    """Compared with each other: that all texts read like the answer in a leaning prompt takes no part."""
    effects = (effect(0, 0, 9.0), effect(1, 0, 4.0), effect(2, 1, 3.0), effect(3, 1, 1.0), effect(4, 2, -9.0))
    assert misreading(CONTEST, effects, effects[1]) == pytest.approx((9.0 + 2.0) / 2 - 4.0)
    assert misreading(CONTEST, effects, effects[0]) == pytest.approx((4.0 + 2.0) / 2 - 9.0)
    assert suspect_of(CONTEST, effects) == effects[1]
    assert misreading(CONTEST, effects[1:], effects[1]) is None  # no mate
    assert misreading(CONTEST, effects[:2], effects[1]) is None  # no demonstration of the rival


def test_where_no_text_is_misread_the_strongest_demonstration_is_suspected() -> None:
    effects = (effect(0, 0, 5.0, -1.0), effect(1, 0, 5.0, -3.0), effect(2, 1, 0.0, -9.0))
    assert suspect_of(CONTEST, effects) == effects[1]
    assert suspect_of(CONTEST, (replace(effects[0], alone=True), effects[2])) is None
