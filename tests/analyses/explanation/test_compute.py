"""One explanation as a whole: what it is about, what is undefined, with a beta, cancelled, seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.contest import Contest, counterfactual, percentile
from icldiag.analyses.explanation import findings
from icldiag.errors import AnalysisError, Cancelled
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny


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
        assert new.text_lead == pytest.approx(old.text_lead, abs=1e-4)


def test_every_demonstration_keeps_its_beta_in_a_changed_prompt(prompt: Prompt, tiny: Tiny) -> None:
    plain = Session(prompt, tiny())
    beta = np.random.default_rng(0).normal(0, 2, plain.beta_shape).astype(np.float32)
    session = plain.with_beta(beta)
    found = session.explanation(1)
    contest, shown, query = found.contest, prompt.demonstrations, prompt.queries[1]

    def lead(places: list[int]) -> float:
        changed = tuple(shown[place] for place in places)
        other = Session(replace(prompt, demonstrations=changed, queries=(query,)), session.model)
        return contest.lead_in(other.with_beta(beta[:, :, places]).prediction().scores[0])

    everything = list(range(len(shown)))
    assert contest.lead == pytest.approx(lead(everything), abs=1e-4)
    assert contest.lead != pytest.approx(plain.explanation(1).contest.lead_in(plain.prediction().scores[1]), abs=1e-2)
    for order, run_ in list(zip(found.order.orders, found.order.runs, strict=True))[:2]:
        assert run_.lead == pytest.approx(lead(list(order)), abs=1e-4)
    assert found.depth.lens is not None
    np.testing.assert_allclose(found.depth.lens.scores[-1], session.prediction().scores[1], atol=2e-3)


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


def test_percentiles_count_ties_by_half() -> None:
    assert percentile(2.0, [1.0, 2.0, 3.0, 4.0]) == pytest.approx(37.5)
    assert percentile(1.0, [1.0]) is None


def test_scores_as_close_as_padding_moves_them_are_a_tie() -> None:
    contest = Contest(query=0, answer=0, rival=1, gold=1, lead=1e-6)
    assert contest.tie
    assert not replace(contest, lead=1e-3).tie
    assert not counterfactual(contest, "a change", np.array([1.0, 1.0 + 1e-6])).turned
    assert counterfactual(contest, "a change", np.array([1.0, 1.001])).turned
