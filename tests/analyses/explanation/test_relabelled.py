"""Demonstrations with the rival's label, where the scores do not separate the two classes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.explanation import relabelled
from icldiag.analyses.explanation.contest import Contest, contest_of
from icldiag.analyses.explanation.demonstrations import demonstration_effects
from icldiag.analyses.explanation.others import Check, Others, check, others_of
from icldiag.analyses.explanation.relabelled import Relabelling, most_separating, relabellings
from icldiag.analyses.lab import Lab
from icldiag.model.readout import silent
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
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
    (found,) = lab.inquire([relabellings(lab, contest, effects, others)])
    own = sorted((effect for effect in effects if effect.label == 0), key=lambda effect: effect.change)
    assert len(own) == 5
    assert [one.demonstration for one in found] == sorted(effect.index for effect in own[:3])
    queries = [lab.prompt.queries[place] for place in others.queries]
    for one in found:
        (scores,) = lab.ask([lab.question(queries, labels={one.demonstration: 1})])
        assert one.check == check(others, scores)
    best = most_separating(effects, found)
    assert best is not None
    assert max(one.check.auc for one in found) == next(
        one.check.auc for one in found if one.demonstration == best.index
    )


def test_without_other_queries_of_both_classes_none_is_asked(asked: tuple[Lab, Contest, Others]) -> None:
    lab, contest, others = asked
    (effects,) = lab.inquire([demonstration_effects(lab, contest, others)])
    alone = replace(others, own=(True,) * len(others.own))
    assert lab.inquire([relabellings(lab, contest, effects, alone)]) == [()]
    assert most_separating(effects, ()) is None


def test_of_equal_separations_the_one_that_gains_most(asked: tuple[Lab, Contest, Others]) -> None:
    lab, contest, others = asked
    (effects,) = lab.inquire([demonstration_effects(lab, contest, others)])
    checks = [Check(6, gain, 0.1, auc, 0, 0) for gain, auc in ((0.5, 0.9), (0.7, 0.9), (2.0, 0.8))]
    best = most_separating(
        effects, tuple(Relabelling(place, one) for place, one in zip((0, 2, 4), checks, strict=True))
    )
    assert best is not None and best.index == 2
