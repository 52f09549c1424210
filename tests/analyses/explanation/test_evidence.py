"""Evidence: every number is that of the run it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import t

from icldiag.analyses.balance import DRAWS, rankings, surplus
from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.contest import Contest, Counterfactual, contest_of
from icldiag.analyses.estimates import log_likelihood
from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.demonstrations import (
    demonstration_effects,
    hiding,
)
from icldiag.analyses.explanation.order import ORDERS, OrderEvidence
from icldiag.analyses.explanation.others import others_of
from icldiag.analyses.lab import Lab
from icldiag.analyses.orders import sample_orders
from icldiag.model.attention import Edit
from icldiag.model.padding import batch_of
from icldiag.model.readout import label_probabilities, read_queries, silent
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.analyses.explanation.asked import scores_of
from tests.conftest import Tiny


def test_demonstrations_are_hidden_from_the_target_and_from_their_own_texts(
    explained: tuple[Session, Explanation],
) -> None:
    session, found = explained
    prompt, contest, encoded, model = session.prompt, found.contest, session.encoded, session.model
    labels = [example.label for example in prompt.demonstrations]
    for effect, example in zip(found.demonstrations, prompt.demonstrations, strict=True):
        blocked = torch.zeros(1, len(encoded.prefix), dtype=torch.bool)
        blocked[0, slice(*encoded.demonstrations[effect.index].span)] = True
        edits = dict.fromkeys(range(model.n_layers), Edit(torch.tensor([0]), blocked))
        seen = read_queries(model, encoded, session.prefix(silent), target_edits=edits)
        assert effect.hidden.lead == pytest.approx(contest.lead_in(seen.label_scores[contest.query]), abs=1e-4)
        assert effect.change == pytest.approx(effect.hidden.lead - contest.lead, abs=1e-6)
        own = encode(prompt.with_queries([replace(example, label=None)]), *model.reader)
        ids = [*own.prefix, *own.queries[0].ids]
        rows = torch.arange(len(own.prefix), len(ids))
        blind = dict.fromkeys(range(model.n_layers), Edit(rows, blocked.expand(len(rows), -1)))
        with torch.no_grad():
            logits = model.run(batch_of([ids], 0), edits=blind, keep=1).logits[0, -1].double().numpy()
        text = logits[[words[0] for words in own.label_tokens]]
        assert effect.called == text.argmax()
        assert effect.text_lead == pytest.approx(contest.lead_in(text), abs=1e-4)
        assert effect.alone == (labels.count(effect.label) == 1)


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
        assert run.change == f"order {' '.join(str(place + 1) for place in order)} as numbered now"


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
        assert any(order.alike) == (shown[-1].label == contest.answer)  # both of Person can come last
        for last, alike in zip(order.lasts, order.alike, strict=True):
            if any(order.alike):
                assert alike == (last == contest.answer)


@pytest.mark.parametrize(("end", "elsewhere", "counts"), [(1.5, -1.0, True), (-0.5, -1.0, False), (2.5, 2.5, False)])
def test_the_end_counts_if_it_does_more_than_all_else(end: float, elsewhere: float, counts: bool) -> None:
    """Of a lead of 2."""

    def runs(lead: float) -> tuple[Counterfactual, ...]:
        return (Counterfactual("an order", 0, lead, 0.3, False),) * 2

    ends = OrderEvidence(
        ((1, 0), (1, 0), (0, 1), (0, 1)),
        runs(elsewhere) + runs(end),
        (0.0, 0.0, -1.0, -1.0),
        -1.0,
        (1, 1, 0, 0),
        (False, False, True, True),
        50.0,
        0,
    )
    assert ends.end_counts(CONTEST) == counts
    assert ends.lean(0) == 0.0  # what stays where another class comes last
    assert replace(ends, leans=(-1.0, -1.0, 2.0, 2.0)).end_counts(CONTEST)  # the content-free lean follows the end
    assert ends.typical(ends.elsewhere(0)) == 0
    assert not replace(ends, last=1, alike=(False,) * 4).end_counts(CONTEST)  # it ends with another class
    assert not replace(ends, lasts=(0,) * 4).end_counts(CONTEST)  # no order ends with another one
    assert replace(ends, lasts=(0,) * 4).lean(0) == -0.5
    alone = replace(ends, alike=(False,) * 4)  # no other order ends so: what the order does is what its end does
    assert alone.end_counts(CONTEST) == (elsewhere < CONTEST.lead)


CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)


def test_a_text_s_lead_is_likelier_in_one_class_by_student_s_t() -> None:
    own, rival = [9.0, 8.0, 10.0, 9.5], [1.0, 2.0, 0.0]
    freedom = len(own) + len(rival) - 2
    spread = np.sqrt((np.var(own) * 4 + np.var(rival) * 3) / freedom)
    likely = [t.pdf(1.0, freedom, np.mean(of), spread * np.sqrt(1 + 1 / len(of))) for of in (rival, own)]
    assert log_likelihood(1.0, own, rival) == pytest.approx(np.log(likely[0] / likely[1]))
    assert (log_likelihood(1.0, own, rival) or 0) > 0 > (log_likelihood(9.0, own, rival) or 0)
    assert log_likelihood(1.0, own, []) is None  # nothing to compare with
    assert log_likelihood(1.0, own, [20.0, 21.0]) is None  # the prompt does not tell them apart


def test_a_text_is_read_beside_other_queries_that_cannot_see_it_either(tiny: Tiny, prompt: Prompt) -> None:
    queries = tuple(
        Example(("Who wrote it ?", "Where is the river ?")[place % 2] + f" {place}", place % 2) for place in range(8)
    )
    shown = tuple(Example(f"Where ? {place}", place % 2) for place in range(6))
    session = Session(replace(prompt, demonstrations=shown, queries=queries), tiny())
    lab = Lab(session.model, session.encoded, session.prefix(silent))
    contest = replace(CONTEST, lead=contest_of(session.prediction(), 0).lead)
    others = others_of(contest, session.prediction(), 0)
    (effects,) = lab.inquire([demonstration_effects(lab, contest, others)])
    own = [of for of in effects if of.label == 0]
    for of in own:
        asked = [replace(shown[of.index], label=None), *(queries[place] for place in others.queries)]
        (scores,) = lab.ask([lab.question(asked, query_edits=hiding(lab, of.index))])
        leads = [contest.lead_in(row) for row in scores]
        pairs = list(zip(leads[1:], others.own, strict=True))
        mates, rivals = ([lead for lead, is_own in pairs if is_own == side] for side in (True, False))
        expected = log_likelihood(leads[0], mates, rivals)
        assert of.likelihood == (None if expected is None else pytest.approx(expected))
    assert any(of.likelihood is not None for of in own)
    assert all(of.likelihood is None for of in effects if of.label != 0)
    unlabelled = replace(others, own=(True,) * len(others.own))  # the other demonstrations' texts serve
    (effects,) = lab.inquire([demonstration_effects(lab, contest, unlabelled)])
    texts = [of.text_lead for of in effects]
    for of in effects[::2]:
        expected = log_likelihood(
            of.text_lead,
            [texts[place] for place in (0, 2, 4) if place != of.index],
            [texts[place] for place in (1, 3, 5)],
        )
        assert of.likelihood == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("auc", "queries", "confused"),
    [
        (0.67, (6, 6), True),
        (0.7, (6, 6), False),
        (0.72, (50, 50), True),
        (0.76, (999, 999), False),
        (0.2, (4, 9), False),
    ],
)
def test_of_few_queries_the_auc_must_be_lower_for_classes_to_be_confused(
    auc: float, queries: tuple[int, int], confused: bool, explained: tuple[Session, Explanation]
) -> None:
    _, found = explained
    assert replace(found.classes, auc=auc, auc_queries=queries).confused == confused
    assert not replace(found.classes, auc=None).confused
