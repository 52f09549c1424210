"""Demonstrations with the rival's label: is their own one wrong?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.contest import Contest, contest_of
from icldiag.analyses.explanation import relabelled
from icldiag.analyses.explanation.demonstrations import DemonstrationEffect, demonstration_effects
from icldiag.analyses.explanation.others import Check, Others, check, likelihood, others_of
from icldiag.analyses.explanation.relabelled import DOUBT, Relabelling, evened, relabellings, suspect_of, with_odds
from icldiag.analyses.lab import Lab
from icldiag.model.readout import FloatArray, silent
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.analyses.explanation.made import STAYS, TURNS, run
from tests.conftest import Tiny


@pytest.fixture
def asked(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> tuple[Lab, Contest, Others]:
    """Five demonstrations of each of two classes, of which three are asked at most."""
    monkeypatch.setattr(relabelled, "MOST", 3)
    queries = tuple(Example(f"Who wrote book {place} ?", place % 2) for place in range(6))
    shown = tuple(Example(f"Where ? {place}", place % 2) for place in range(10))
    session = Session(replace(prompt, demonstrations=shown, queries=queries), tiny())
    prediction = session.prediction()
    contest = replace(contest_of(prediction, 0), answer=0, rival=1)
    return Lab(session.model, session.encoded, session.prefix(silent)), contest, others_of(contest, prediction, 0)


def test_each_is_a_changed_prompt_of_its_own(asked: tuple[Lab, Contest, Others]) -> None:
    lab, contest, others = asked
    (effects,) = lab.inquire([demonstration_effects(lab, contest, others)])
    own = [effect for effect in effects if effect.label == 0]
    assert len(own) == 5
    likely = sorted(own, key=lambda effect: -(effect.likelihood or 0.0))
    (found,) = lab.inquire([relabellings(lab, contest, effects, others)])
    doubtful = [effect.index for effect in likely if (effect.likelihood or 0.0) > -DOUBT]
    assert [one.demonstration for one in found] == sorted(doubtful[:3])
    queries = [lab.prompt.queries[place] for place in (contest.query, *others.queries)]
    for one in found:
        (scores,) = lab.ask([lab.question(queries, labels={one.demonstration: 1})])
        assert one.check == check(others, scores[1:])
        assert one.run.lead == pytest.approx(contest.lead_in(scores[0]))
        assert one.likelihood == pytest.approx(likelihood(others, scores[1:]) - likelihood(others, others.scores))


def test_without_other_queries_of_both_classes_none_is_asked(asked: tuple[Lab, Contest, Others]) -> None:
    lab, contest, others = asked
    (effects,) = lab.inquire([demonstration_effects(lab, contest, others)])
    alone = replace(others, own=(True,) * len(others.own))
    assert lab.inquire([relabellings(lab, contest, effects, alone)]) == [()]
    told = tuple(replace(effect, likelihood=-9.0) for effect in effects)  # their texts are the answer's
    assert lab.inquire([relabellings(lab, contest, told, others)]) == [()]


def test_labels_are_as_likely_as_the_scores_say_once_the_lean_is_out() -> None:
    contest = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)
    own = (True, True, False, False)
    leaning = np.array([[5.0, 0.0], [5.0, 0.0], [3.0, 0.0], [3.0, 0.0]])  # all answered alike, and told apart by 2
    others = Others(contest, (1, 2, 3, 4), own, leaning)
    assert likelihood(others, leaning) == pytest.approx(-4 * np.log1p(np.exp(-1.0)))
    assert likelihood(others, np.add(leaning, [7.0, 0.0])) == pytest.approx(likelihood(others, leaning))
    assert likelihood(others, leaning * 2) > likelihood(others, leaning)
    assert likelihood(others, leaning[::-1]) == pytest.approx(-4 * np.log1p(np.exp(1.0)))  # upside down
    twice = Others(contest, (1, 2, 3), own[1:], leaning[1:])  # classes weigh alike, however many queries they have
    assert likelihood(twice, leaning[1:]) == pytest.approx(-3 * np.log1p(np.exp(-1.0)))


CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)
CHECK = Check(6, 0.5, 0.1, 0.9, 0, 0)


def effect(index: int, label: int, likelihood: float | None = None, change: float = -1.0) -> DemonstrationEffect:
    return DemonstrationEffect(index, label, run(STAYS), change, 50.0, 0, 0.0, likelihood, False)


def relabelling(place: int, likelihood: float, scores: FloatArray = TURNS) -> Relabelling:
    return Relabelling(place, run(scores), CHECK, likelihood)


def test_odds_are_what_is_expected_times_what_texts_and_other_queries_say() -> None:
    shown = (effect(0, 0, 1.0, -3.0), effect(1, 0, 2.0), effect(2, 0), effect(3, 1, 5.0), effect(4, 1, 5.0))
    uneven = (4, 1, 2)
    found = with_odds(CONTEST, shown, [relabelling(0, 0.5), relabelling(1, -1.0)], uneven)
    assert [one.odds for one in found] == [
        pytest.approx(-np.log(2) + 1.0 + 0.5),  # the one that the answer owes most to
        pytest.approx(-np.log(4) + 2.0 - 1.0),
        None,  # nothing is known of it
        None,  # of another class
        None,
    ]
    assert [one.relabelled for one in found] == [0.5, -1.0, None, None, None]
    assert with_odds(CONTEST, shown, [relabelling(2, 1.5)], uneven)[2].odds == pytest.approx(-np.log(4) + 1.5)
    even = with_odds(CONTEST, shown, [], (3, 1, 2))
    assert even[0].odds == pytest.approx(np.log(3) - np.log(2) + 1.0)
    alone = with_odds(CONTEST, (replace(shown[0], alone=True), *shown[3:]), [], uneven)
    assert alone[0].odds is None


@pytest.mark.parametrize(
    ("counts", "explained"), [((3, 1), True), ((3, 1, 2), True), ((2, 2), False), ((3, 1, 1), False), ((4, 1), False)]
)
def test_counts_that_one_wrong_label_explains(counts: tuple[int, ...], explained: bool) -> None:
    assert evened(counts, CONTEST) == explained


def test_the_likeliest_wrong_label_that_weighs_is_suspected_or_else_the_strongest() -> None:
    shown = (effect(0, 0, None, -1.0), effect(1, 0, -1.0, -3.0), effect(2, 1, None, -9.0))
    assert suspect_of(CONTEST, shown, (), False) == shown[1]
    assert suspect_of(CONTEST, (replace(shown[0], alone=True), shown[2]), (), False) is None
    wrong = replace(effect(3, 0), odds=1.0), replace(effect(4, 0), odds=2.0)
    assert suspect_of(CONTEST, (*shown, *wrong), (), False) == wrong[1]
    asked = (relabelling(3, 0.0), relabelling(4, 0.0, STAYS))
    assert suspect_of(CONTEST, (*shown, *wrong), asked, False) == wrong[0]  # its label turns this answer
    unlikely = replace(effect(5, 0), odds=-2.0), replace(effect(6, 0), odds=-1.0)
    assert suspect_of(CONTEST, (*shown, *unlikely), (), False) == shown[1]
    assert suspect_of(CONTEST, (*shown, *unlikely), (), True) == unlikely[1]  # a wrong label may be why
