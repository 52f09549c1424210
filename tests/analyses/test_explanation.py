"""Explanations: every number is that of the run it names, and the rule names only what a run confirmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.explanation import Explanation, findings, of_cause, reading
from icldiag.analyses.explanation.contest import Contest, Counterfactual, counterfactual, percentile
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.prior import PriorEvidence, balanced_draws
from icldiag.analyses.explanation.ranking import Evidence, rank_causes
from icldiag.analyses.explanation.suspect import SuspectEvidence, suspect_evidence, suspect_of
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.lab import Lab
from icldiag.analyses.orders import sample_orders
from icldiag.analyses.reweighting.compute import beta_edits
from icldiag.errors import AnalysisError, Cancelled
from icldiag.model.attention import Edit
from icldiag.model.readout import FloatArray, label_probabilities, read_queries, silent
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session
from tests.conftest import CONFIGURATIONS, Tiny


def scores_of(prompt: Prompt, session: Session, text: str) -> FloatArray:
    """Label scores (C,) of one text, asked of a prompt from the beginning."""
    found = Session(prompt.with_queries([Example(text, None)]), session.model).prediction()
    scores: FloatArray = found.scores[0]
    return scores


def a_wrong_query(session: Session) -> int:
    return session.prediction().wrong[0]


@pytest.fixture
def explained(prompt: Prompt, tiny: Tiny) -> tuple[Session, Explanation]:
    session = Session(prompt, tiny())
    return session, session.explanation(a_wrong_query(session))


def test_the_contest_is_the_answer_against_the_gold_label_or_the_runner_up(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    prediction = session.prediction()
    for query in range(len(prompt.queries)):
        contest = session.explanation(query).contest
        scores = prediction.scores[query]
        assert contest.answer == scores.argmax()
        assert contest.lead == pytest.approx(scores[contest.answer] - scores[contest.rival])
        if prediction.is_wrong(query):
            assert contest.rival == prediction.gold[query]
        else:
            assert contest.rival == np.argsort(-scores)[1]


def test_demonstrations_are_really_removed_hidden_and_relabelled(explained: tuple[Session, Explanation]) -> None:
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
        assert (effect.relabelled is None) == (effect.label != contest.answer or effect.alone)
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
    assert len(set(found.order.orders)) == len(found.order.orders) == 12
    for order, run in list(zip(found.order.orders, found.order.runs, strict=True))[:3]:
        moved = replace(session.prompt, demonstrations=tuple(shown[place] for place in order))
        assert run.lead == pytest.approx(found.contest.lead_in(scores_of(moved, session, text)), abs=1e-4)
        assert run.change == "order " + " ".join(str(place + 1) for place in order)


def test_all_orders_of_few_demonstrations_are_sampled() -> None:
    assert sample_orders(1, 0) == ()
    assert sample_orders(2, 0) == ((1, 0),)
    assert len(sample_orders(3, 0)) == 5
    assert sample_orders(6, 0) == sample_orders(6, 0) != sample_orders(6, 1)


def test_isolating_all_anchors_of_all_classes_is_the_paper_s_cut(prompt: Prompt, tiny: Tiny) -> None:
    """With one class shown, isolating it is the cut of analysis isolation."""
    one = replace(prompt, demonstrations=(prompt.demonstrations[1],))
    session = Session(one, tiny())
    found = session.explanation(0)
    (isolated,) = found.aggregation.isolated.values()
    cut = session.isolate(Cut.of("text_to_label", found.aggregation.layers)).answers.probabilities[0]
    contest = found.contest
    assert isolated.lead == pytest.approx(np.log(cut[contest.answer] / cut[contest.rival]), abs=1e-4)
    assert found.demonstrations[0].removed is None
    assert found.order.turned is None
    assert any("one demonstration" in text for text in found.missing)
    assert len(findings(found)) == 6


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_the_lens_ends_in_the_model_s_own_scores(architecture: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny(architecture))
    found = session.explanation(1)
    depth = found.depth
    assert depth.lens is not None
    assert depth.lens.scores.shape == (session.model.n_layers + 1, 3)
    np.testing.assert_allclose(depth.lens.scores[-1], session.prediction().scores[1], atol=2e-3)
    assert depth.lens.mass[-1] == pytest.approx(session.prediction().label_mass[1], abs=1e-5)


@pytest.mark.parametrize(("architecture", "reweighted"), [("gpt2", False), ("llama", False), ("llama", True)])
def test_a_head_s_estimate_is_the_slope_of_its_ablation(
    architecture: str, reweighted: bool, prompt: Prompt, tiny: Tiny
) -> None:
    session = Session(prompt.with_queries(prompt.queries[2:3]), tiny(architecture))
    beta = None
    if reweighted:
        beta = np.random.default_rng(0).normal(0, 1, session.beta_shape).astype(np.float32)
        session = session.with_beta(beta)
    found = session.explanation(0)
    contest, estimates = found.contest, found.depth.estimates
    assert estimates is not None
    step = 0.01
    lab = Lab(session.model, session.encoded, session.prefix(silent), beta)

    def lead(layer: int, head: int, size: float) -> float:
        factor = torch.ones(session.model.n_heads, len(session.encoded.prefix) + len(session.encoded.queries[0].ids))
        factor[head] = size
        edits = {layer: Edit(torch.tensor([0]), factor=factor)}
        (scores,) = lab.ask([lab.question(session.prompt.queries, target_edits=edits)])
        return contest.lead_in(scores[0])

    for layer, head in ((0, 1), (2, 3)):
        slope = (lead(layer, head, 1 + step) - lead(layer, head, 1 - step)) / (2 * step)
        assert estimates[layer, head] == pytest.approx(slope, abs=0.02 * max(1.0, abs(slope)))
    for head_effect in found.depth.heads:
        assert head_effect.estimate > 0
        ablated = lead(head_effect.layer, head_effect.head, 0.0)
        assert head_effect.ablated.lead == pytest.approx(ablated, abs=1e-4)


def test_unlabelled_queries_are_explained_and_what_is_undefined_is_said(prompt: Prompt, tiny: Tiny) -> None:
    blind = prompt.with_queries([replace(query, label=None) for query in prompt.queries[:3]])
    found = Session(blind, tiny()).explanation(0)
    assert not found.contest.wrong
    assert found.classes.auc is None
    said = " ".join(found.missing)
    assert "right label is unknown" in said
    assert "no measured separation" in said
    assert "fewer than 4 queries" in said
    assert all(row.sentence for row in findings(found))


def test_whole_words_are_explained_and_a_shared_first_token_is_named(prompt: Prompt, tiny: Tiny) -> None:
    words = (Label("Person", " Person"), Label("Location", " Personal"), Label("Number", " Number"))
    session = Session(replace(prompt, labels=words, scoring="whole"), tiny())
    shared = [
        found
        for found in (session.explanation(query) for query in range(3))
        if {found.contest.answer, found.contest.rival} == {0, 1}
    ]
    whole = session.explanation(0)
    assert not any("no flow" in text for text in whole.missing)  # the loss is over whole words
    for found in shared:
        assert found.depth.lens is None
        assert "same token" in found.depth.missing


def test_a_query_that_is_not_there_is_refused(prompt: Prompt, tiny: Tiny) -> None:
    with pytest.raises(AnalysisError, match="there is no query 6"):
        Session(prompt, tiny()).explanation(6)


def test_a_beta_of_zero_changes_nothing(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    found, plain = (of.explanation(1) for of in (session.with_beta(np.zeros(session.beta_shape, np.float32)), session))
    assert found.runs == plain.runs
    assert [cause.kind for cause in found.causes] == [cause.kind for cause in plain.causes]
    for old, new in zip(plain.demonstrations, found.demonstrations, strict=True):
        assert new.hidden.lead == pytest.approx(old.hidden.lead, abs=1e-4)
        assert new.removed_change == pytest.approx(old.removed_change, abs=1e-4)


def test_every_demonstration_keeps_its_beta_in_a_changed_prompt(prompt: Prompt, tiny: Tiny) -> None:
    plain = Session(prompt, tiny())
    beta = np.random.default_rng(0).normal(0, 2, plain.beta_shape).astype(np.float32)
    session = plain.with_beta(beta)
    found = session.explanation(1)
    contest, shown, query = found.contest, prompt.demonstrations, prompt.queries[1]

    def lead(places: list[int], label: dict[int, int]) -> float:
        changed = tuple(replace(shown[place], label=label.get(place, shown[place].label)) for place in places)
        other = Session(replace(prompt, demonstrations=changed, queries=(query,)), session.model)
        return contest.lead_in(other.with_beta(beta[:, :, places]).prediction().scores[0])

    everything = list(range(len(shown)))
    assert contest.lead == pytest.approx(lead(everything, {}), abs=1e-4)
    assert contest.lead != pytest.approx(plain.explanation(1).contest.lead_in(plain.prediction().scores[1]), abs=1e-2)
    for effect in found.demonstrations:
        kept = [place for place in everything if place != effect.index]
        assert effect.removed is not None
        assert effect.removed.lead == pytest.approx(lead(kept, {}), abs=1e-4)
        if effect.relabelled is not None:
            assert effect.relabelled.lead == pytest.approx(lead(everything, {effect.index: contest.rival}), abs=1e-4)
    for order, run_ in list(zip(found.order.orders, found.order.runs, strict=True))[:2]:
        assert run_.lead == pytest.approx(lead(list(order), {}), abs=1e-4)
    assert found.depth.lens is not None
    np.testing.assert_allclose(found.depth.lens.scores[-1], session.prediction().scores[1], atol=2e-3)


def test_an_ablated_head_is_silent_under_a_beta_too(prompt: Prompt, tiny: Tiny) -> None:
    plain = Session(prompt.with_queries(prompt.queries[:1]), tiny())
    beta = np.ones(plain.beta_shape, np.float32)
    session = plain.with_beta(beta)
    lab = Lab(session.model, session.encoded, session.prefix(silent), beta)
    silenced = torch.ones(session.model.n_heads, len(session.encoded.prefix) + len(session.encoded.queries[0].ids))
    silenced[0] = 0.0
    silencing = {1: Edit(torch.tensor([0]), factor=silenced)}
    ((edited,),) = lab.ask([lab.question(session.prompt.queries, target_edits=silencing)])
    edits = beta_edits(session.encoded, torch.from_numpy(beta))
    reweighted = edits[1].factor
    assert reweighted is not None
    silenced[:, : reweighted.shape[1]] *= reweighted
    edits = {**edits, 1: Edit(torch.tensor([0]), factor=silenced)}
    expected = read_queries(session.model, session.encoded, session.prefix(silent), target_edits=edits)
    np.testing.assert_allclose(edited, expected.label_scores[0], atol=1e-4)


def test_a_cancelled_explanation_leaves_nothing_behind(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    session.prediction()
    seen: list[tuple[int, int]] = []

    def stop(what: str, done: int, total: int) -> None:
        if what == "explanation":
            seen.append((done, total))
            if done == 5:
                raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        session.explanation(0, progress=stop)
    assert seen[-1][0] == 5
    assert all(done < total for done, total in seen)
    assert session.explanation(0).runs > 5


def test_the_same_seed_gives_the_same_explanation(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny()
    first, again = (Session(prompt, model).explanation(0, seed=3) for _ in range(2))
    assert [run.lead for run in first.order.runs] == [run.lead for run in again.order.runs]
    assert first.causes == again.causes


def test_as_many_of_each_class_are_kept_in_their_order(prompt: Prompt) -> None:
    draws = balanced_draws(prompt.demonstrations, 0)  # two of Person
    assert draws
    for kept in draws:
        assert sorted(prompt.demonstrations[place].label or 0 for place in kept) == [0, 1, 2]
        assert kept == sorted(kept)
    assert balanced_draws(prompt.demonstrations[:3], 0) == []


def test_percentiles_count_ties_by_half() -> None:
    assert percentile(2.0, [1.0, 2.0, 3.0, 4.0]) == pytest.approx(37.5)
    assert percentile(1.0, [1.0]) is None


# ---- the rule -------------------------------------------------------------------------------------------------------

NAMES = ("yes", "no", "other")
CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)
STAYS = np.array([2.0, 0.0, -1.0])
TURNS = np.array([0.0, 3.0, -1.0])


def run(scores: FloatArray, change: str = "a change") -> Counterfactual:
    return counterfactual(CONTEST, change, scores)


def effect(index: int, change: float, called: int, *, turned: bool, label: int = 0) -> DemonstrationEffect:
    removed = run(TURNS if turned else STAYS, f"demonstration {index + 1} removed")
    text_lead = -2.0 if called == CONTEST.rival else 2.0
    return DemonstrationEffect(index, label, run(STAYS), removed, None, 0.0, change, 50.0, called, text_lead, False)


def mislabelled(
    nothing: Evidence, *effects: DemonstrationEffect, gains: tuple[float, ...] = (), auc: float | None = None
) -> Evidence:
    """Evidence with these demonstrations, and what the suspect among them does to other queries."""
    suspect = suspect_of(CONTEST, effects)
    return replace(
        nothing, demonstrations=effects, suspect=None if suspect is None else SuspectEvidence(suspect, gains, auc)
    )


WRONG_LABEL = (effect(0, -5.0, 1, turned=True), effect(1, -0.5, 0, turned=False))


@pytest.fixture
def nothing(explained: tuple[Session, Explanation]) -> Evidence:
    """Evidence in which no run makes the rival the answer."""
    _, found = explained
    classes = replace(found.classes, removed=run(STAYS), auc=0.5)
    sources = tuple(replace(source, divided=run(STAYS)) for source in found.prior.sources)
    order = replace(found.order, runs=(run(STAYS),) * 12, leans=(1.0,) * 12)
    aggregation = replace(found.aggregation, doubled=run(STAYS), flow={0: 2.0, 1: 1.0})
    effects = (effect(0, -0.5, 0, turned=False), effect(1, 0.1, 0, turned=False))
    return Evidence(CONTEST, PriorEvidence(sources, (2, 2, 2), ()), effects, None, order, classes, aggregation)


def test_what_no_run_confirms_is_not_named(nothing: Evidence) -> None:
    assert rank_causes(nothing, NAMES) == ()


def test_the_suspect_is_the_one_whose_text_reads_most_like_the_rival() -> None:
    reads = replace(effect(0, -1.0, 1, turned=True), text_lead=-3.0)
    louder = replace(effect(1, -9.0, 1, turned=True), text_lead=-1.0)
    stays = replace(effect(2, -0.1, 1, turned=False), text_lead=-9.0)
    elsewhere = replace(effect(3, -1.0, 1, turned=True, label=2), text_lead=-9.0)
    alone = replace(effect(4, -1.0, 1, turned=True), text_lead=-9.0, alone=True)
    assert suspect_of(CONTEST, (reads, louder, stays, elsewhere, alone)) == reads
    assert suspect_of(CONTEST, (stays, elsewhere, alone)) is None


def test_where_no_text_reads_like_the_rival_the_strongest_demonstration_is_suspected() -> None:
    weak = replace(effect(0, -1.0, 0, turned=True), text_lead=0.5)
    strong = replace(effect(1, 0.0, 0, turned=False), relabelled=run(np.array([0.0, 9.0, 0.0])), text_lead=4.0)
    assert suspect_of(CONTEST, (weak, strong)) == strong


def test_a_demonstration_is_supported_if_it_reads_like_the_rival_and_stands_out(nothing: Evidence) -> None:
    (cause,) = rank_causes(mislabelled(nothing, *WRONG_LABEL), NAMES)
    assert (cause.kind, cause.demonstration, cause.supported) == ("demonstration", 0, True)
    assert "takes its text for no before yes (by 2.0 nats)" in cause.support
    assert "stands out from any other of yes by 5.0 nats of lead when removed" in cause.support
    for text_lead, supported in ((-0.5, False), (0.5, True)):
        alike = (WRONG_LABEL[0], replace(effect(1, -4.0, 0, turned=True), text_lead=text_lead))
        (cause,) = rank_causes(mislabelled(nothing, *alike), NAMES)
        assert cause.supported == supported
        assert f"by {text_lead + 2:.1f} nats in how its text reads" in cause.support
    relabelled = tuple(
        replace(found, relabelled=run(scores)) for found, scores in zip(alike, (TURNS, STAYS), strict=True)
    )
    (cause,) = rank_causes(mislabelled(nothing, *relabelled), NAMES)
    assert "by 5.0 nats of lead when relabelled" in cause.support
    own = (replace(WRONG_LABEL[0], text_lead=0.5), WRONG_LABEL[1])
    (cause,) = rank_causes(mislabelled(nothing, *own), NAMES)
    assert not cause.supported
    assert "for yes before no (by 0.5 nats)" in cause.support


def test_a_demonstration_is_not_supported_if_its_own_label_helps_other_queries(nothing: Evidence) -> None:
    """The gain is the median over the orders; a text that does not read like the rival asks for more of it."""
    own = (replace(WRONG_LABEL[0], text_lead=0.5), WRONG_LABEL[1])
    for effects, gains, auc, supported in (
        (WRONG_LABEL, (-0.4, 0.4, 0.6), 0.9, True),
        (WRONG_LABEL, (-0.04,), None, True),
        (WRONG_LABEL, (-0.06, -0.06, 0.9), 0.9, False),
        (WRONG_LABEL, (0.4,), 0.7, False),
        (own, (0.4,), 0.9, False),
        (own, (0.5,), 0.9, True),
    ):
        (cause,) = rank_causes(mislabelled(nothing, *effects, gains=gains, auc=auc), NAMES)
        assert cause.supported == supported
        word = "gain" if np.median(gains) > 0 else "lose"
        assert f"{word} {abs(np.median(gains)):.2f} nats of log p(gold)" in cause.support
        assert ("AUC 0.70 only" in cause.support) == (auc == 0.7)


def test_a_suspect_is_removed_and_relabelled_for_the_other_queries_too(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    prediction = session.prediction()
    contest = session.explanation(0).contest
    lab = Lab(session.model, session.encoded, session.prefix(silent))
    (found,) = lab.inquire([suspect_evidence(lab, contest, effect(1, -1.0, 1, turned=True), prediction, 0)])
    shown, pair = prompt.demonstrations, [contest.answer, contest.rival]
    mended = (shown[0], replace(shown[1], label=contest.rival), *shown[2:])

    def chances(demonstrations: tuple[Example, ...], query: int) -> FloatArray:
        changed = replace(prompt, demonstrations=demonstrations)
        scores = scores_of(changed, session, prompt.queries[query].text)[pair]
        logarithms: FloatArray = scores - np.logaddexp(*scores)  # of the answer and of the rival among the two
        return logarithms

    asked = [query for query, label in enumerate(prediction.gold) if label in pair]
    orders = (tuple(range(len(shown))), *sample_orders(len(shown), 0)[:2])
    assert len(found.gains) == 3
    for order, gain in zip(orders, found.gains, strict=True):
        old, new = (tuple(of[place] for place in order) for of in (shown, mended))
        expected = [
            (chances(new, query) - chances(old, query))[pair.index(prediction.gold[query] or 0)]
            for query in asked
            if query != contest.query
        ]
        assert gain == pytest.approx(np.mean(expected), abs=1e-4)
    kept = (shown[0], *shown[2:])
    leads = {query: -float(np.diff(chances(kept, query))[0]) for query in asked}
    above = [
        float(leads[own] > leads[other]) + (leads[own] == leads[other]) / 2
        for own in asked
        for other in asked
        if prediction.gold[own] == contest.answer and prediction.gold[other] == contest.rival
    ]
    assert found.auc_without == pytest.approx(np.mean(above))


def test_two_classes_are_named_if_they_are_badly_separated_and_no_demonstration_is_to_blame(nothing: Evidence) -> None:
    taken_out = replace(nothing.classes, removed=run(TURNS))
    (cause,) = rank_causes(replace(nothing, classes=taken_out), NAMES)
    assert (cause.kind, cause.supported) == ("classes", True)
    assert rank_causes(replace(nothing, classes=replace(taken_out, auc=0.9)), NAMES) == ()
    assert rank_causes(replace(nothing, classes=replace(taken_out, auc=None)), NAMES) == ()
    causes = rank_causes(replace(mislabelled(nothing, *WRONG_LABEL, auc=0.95), classes=taken_out), NAMES)
    assert [(cause.kind, cause.supported) for cause in causes] == [("demonstration", True), ("classes", False)]


def orders(turned: int) -> OrderEvidence:
    runs = (run(TURNS),) * turned + (run(STAYS),) * (12 - turned)
    return OrderEvidence(sample_orders(6, 0), runs, (-1.0,) * 12, 90.0, 0)


def test_the_order_is_named_from_half_of_the_others_on(nothing: Evidence) -> None:
    assert rank_causes(replace(nothing, order=orders(5)), NAMES) == ()
    (cause,) = rank_causes(replace(nothing, order=orders(6)), NAMES)
    assert (cause.kind, cause.supported) == ("order", True)
    assert "6 of 12" in cause.support


def test_a_supported_demonstration_comes_before_the_order(nothing: Evidence) -> None:
    causes = rank_causes(replace(mislabelled(nothing, *WRONG_LABEL), order=orders(12)), NAMES)
    assert [(cause.kind, cause.supported) for cause in causes] == [("demonstration", True), ("order", True)]


def test_more_demonstrations_of_a_class_are_blamed_before_their_order(nothing: Evidence) -> None:
    sources = tuple(replace(source, lean=1.0) for source in nothing.prior.sources)
    balanced = (run(TURNS, "as many demonstrations of each class"),) * 2 + (run(STAYS),) * 2
    prior = PriorEvidence(sources, (9, 2, 2), balanced)
    causes = rank_causes(replace(mislabelled(nothing, *WRONG_LABEL), prior=prior, order=orders(12)), NAMES)
    assert [(cause.kind, cause.supported) for cause in causes] == [
        ("prior", True),
        ("demonstration", False),
        ("order", False),
    ]
    assert all("at least twice as many" in cause.support for cause in causes[:2])
    fewer = replace(prior, balanced=(balanced[0], *(run(STAYS),) * 3))
    causes = rank_causes(replace(nothing, prior=fewer, order=orders(12)), NAMES)
    assert [(cause.kind, cause.supported) for cause in causes] == [("order", True)]


def test_supported_causes_come_before_smaller_changes_that_stand_alone(nothing: Evidence) -> None:
    effects = (effect(0, -5.0, 2, turned=True), effect(1, -0.5, 0, turned=False))
    evidence = replace(mislabelled(nothing, *effects), order=orders(12))
    assert [cause.kind for cause in rank_causes(evidence, NAMES)] == ["order", "demonstration"]


def test_weak_aggregation_is_named_if_more_of_it_turns_the_answer(nothing: Evidence) -> None:
    (cause,) = rank_causes(replace(nothing, aggregation=replace(nothing.aggregation, doubled=run(TURNS))), NAMES)
    assert (cause.kind, cause.supported) == ("aggregation", True)


def test_every_sentence_holds_the_number_of_its_run(nothing: Evidence, explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    evidence = replace(
        mislabelled(nothing, *WRONG_LABEL),
        order=orders(12),
        classes=replace(nothing.classes, removed=run(TURNS, "class yes taken out")),
        aggregation=replace(nothing.aggregation, doubled=run(TURNS)),
    )
    causes = rank_causes(evidence, NAMES)
    told = replace(found, labels=NAMES, contest=CONTEST, causes=causes)
    assert len(causes) == 4
    for cause in causes:
        sentence = of_cause(cause, told)
        assert "the answer is no (p 0.94; the lead of yes goes from 2.0 to -3.0 nats)" in sentence
    assert reading(told) == of_cause(causes[0], told)


def test_what_is_not_explained_says_how_many_changes_were_tried_and_what_they_did(
    nothing: Evidence, explained: tuple[Session, Explanation]
) -> None:
    _, found = explained
    found = replace(
        found,
        labels=NAMES,
        contest=CONTEST,
        causes=(),
        demonstrations=nothing.demonstrations,
        prior=nothing.prior,
        classes=nothing.classes,
        order=nothing.order,
        aggregation=replace(nothing.aggregation, isolated={0: run(STAYS), 1: run(STAYS)}),
    )
    count = 1 + 1 + 2 * 2 + 12 + len(nothing.prior.sources) + 2
    assert len(found.tried) == count
    told = reading(found)
    assert told == (
        f"Nothing that was tried explains it: none of {count} changes makes the answer no, {count} leave it yes: it "
        "hangs on the text and the model rather than on these demonstrations."
    )
    assert reading(replace(found, contest=replace(CONTEST, gold=0))).startswith("The answer stands: none of")
    turning = replace(found, order=replace(nothing.order, runs=(run(TURNS), *nothing.order.runs[1:])))
    told = f"1 of {count} changes make the answer no, {count - 1} leave it yes; those that turn it (a change) name"
    assert told in reading(turning)
    third = replace(found, order=replace(nothing.order, runs=(run(np.array([0.0, -1.0, 2.0])),) * 12))
    assert reading(third).endswith(f"none of {count} changes makes the answer no, {count - 12} leave it yes.")
