"""The parts against a plain way of computing them, on tiny models."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.calibration import CONTENT_FREE
from icldiag.analyses.lab import Lab
from icldiag.analyses.orders import orders_by_last
from icldiag.analyses.overview import MeasureLean, Overview, Perturb, Summarise, next_step
from icldiag.analyses.overview.lean import halves, lean
from icldiag.analyses.overview.recency import recency
from icldiag.analyses.overview.separability import separability
from icldiag.analyses.overview.stability import LeftOut, balanced_sample
from icldiag.analyses.search.compute import TryCalibrations
from icldiag.errors import AnalysisError
from icldiag.model.readout import FloatArray, label_probabilities, silent
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import with_demonstrations
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.analyses.overview.made import made_stability, overview_of, prediction_of, two_classes
from tests.conftest import Tiny


@pytest.fixture
def many(prompt: Prompt) -> Prompt:
    """Twelve queries, so that halves are large enough for a batch."""
    more = [replace(query, text=f"{query.text} Why ?") for query in prompt.queries]
    return prompt.with_queries([*prompt.queries, *more])


def test_the_priors_are_the_mean_answers(tiny: Tiny, many: Prompt) -> None:
    session = Session(many, tiny())
    found = session.lean()
    free = Session(many.with_queries([Example(text, None) for text in CONTENT_FREE]), session.model).prediction()
    contextual, batch = found.prior("contextual"), found.prior("batch")
    assert contextual is not None
    assert batch is not None
    assert contextual.probabilities == pytest.approx(free.probabilities.mean(0), abs=1e-5)
    assert batch.probabilities == pytest.approx(session.prediction().probabilities.mean(0))
    logs = np.log(contextual.probabilities)
    assert contextual.nats[0] == pytest.approx(logs[0] - (logs[1] + logs[2]) / 2)
    assert contextual.strength == contextual.nats.max()


def test_a_calibration_is_not_fitted_on_what_it_is_scored_on(tiny: Tiny, many: Prompt) -> None:
    session = Session(many, tiny())
    prediction = session.prediction()
    lab = Lab(session.model, session.encoded, session.prefix(silent))
    own, other = halves(len(prediction), 0)
    changed = replace(prediction, scores=prediction.scores.copy())
    changed.scores[other[0], 0] += 3
    before, after = lean(lab, prediction), lean(lab, changed)
    for kind, moves in (("contextual", False), ("domain-context", False), ("batch", True)):
        old, new = (next(one for one in found.calibrated if one.kind == kind) for found in (before, after))
        kept = [place for place in other if place != other[0]]
        assert new.scores[kept] == pytest.approx(old.scores[kept])  # fitted on the other half
        assert (new.scores[own] != pytest.approx(old.scores[own])) == moves


def test_calibrations_replace_the_one_in_force(tiny: Tiny, many: Prompt) -> None:
    plain = Session(many, tiny())
    skewed = Session(replace(many, calibration=Calibration.dividing("batch", (0.7, 0.2, 0.1))), plain.model)
    for one, other in zip(plain.lean().calibrated, skewed.lean().calibrated, strict=True):
        assert other.scores == pytest.approx(one.scores, abs=1e-4)
    contextual = skewed.lean().prior("contextual")
    assert contextual is not None
    free = Session(skewed.prompt.with_queries([Example(text, None) for text in CONTENT_FREE]), plain.model)
    assert contextual.probabilities == pytest.approx(free.prediction().probabilities.mean(0), abs=1e-5)


def test_changed_demonstrations_are_answered_as_a_prompt_of_its_own(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny())
    found = session.ask(Perturb())
    assert found.queries == (0, 1, 2, 4, 5)  # those with a gold label
    assert [run.without for run in found.left_out] == [(0,), (1,), (2,), (3,)]
    assert [run.alone for run in found.left_out] == [False, True, True, False]
    for run in (found.orders[0], found.orders[-1], found.left_out[1]):
        demonstrations = [prompt.demonstrations[place] for place in run.places]
        queries = [prompt.queries[place] for place in found.queries]
        plain = Session(with_demonstrations(prompt, demonstrations).with_queries(queries), session.model)
        shown, expected = label_probabilities(run.scores), plain.prediction().probabilities
        assert shown == pytest.approx(expected, abs=1e-4)
    scores = session.prediction().scores[list(found.queries)]
    lead = scores[0, 0] - max(scores[0, 1:])
    after = found.left_out[2].scores
    assert found.matrix[2, 0] == pytest.approx(after[0, 0] - max(after[0, 1:]) - lead)


def test_a_whole_overview_and_its_parts(tiny: Tiny, many: Prompt) -> None:
    session = Session(many, tiny())
    told: list[Overview] = []
    found = session.overview(each_part=told.append)
    missing = [[getattr(part, name) is None for name in ("lean", "repairs", "stability")] for part in told]
    assert missing == [[True, True, True], [False, True, True], [False, False, True]]
    assert found.lean is not None
    assert found.stability is not None
    assert session.peek(MeasureLean()) is found.lean
    assert session.overview(queries=1000) is found  # there are no more
    assert found.repairs is not None
    assert session.peek(TryCalibrations()) is found.repairs


def test_one_query_one_demonstration_no_gold(tiny: Tiny, prompt: Prompt) -> None:
    alone = replace(prompt, demonstrations=prompt.demonstrations[:1], queries=(Example("Who ?", None),))
    found = Session(alone, tiny()).overview()
    assert found.lean is not None
    assert [one.kind for one in found.lean.priors] == ["contextual", "domain-context"]
    assert found.stability is not None
    assert not found.stability.orders
    assert not found.stability.left_out
    assert found.repairs is None
    assert next_step(found) == f"A{found.unrepaired[1:]}."
    assert "there are 0 in 'examples'; add" in found.unrepaired
    assert found.recency is None


def test_a_sample_of_no_query(tiny: Tiny, prompt: Prompt) -> None:
    with pytest.raises(AnalysisError, match="queries must be at least 1, not 0"):
        Session(prompt, tiny()).overview(queries=0)
    assert Summarise(3).resolved(Session(prompt, tiny())) == Summarise(3)


def test_the_sample_has_the_classes_alike() -> None:
    gold = [0] * 50 + [1] * 5 + [2] * 30 + [None] * 9
    sample = balanced_sample(gold, 24, seed=1)
    counts = Counter(gold[place] for place in sample)
    assert counts[1] == 5  # all that there are; the others share the rest
    assert sorted((counts[0], counts[2])) == [9, 10]
    assert len(sample) == 24
    assert sample == balanced_sample(gold, 24, seed=1)
    assert balanced_sample([None] * 30, 24, seed=0) == tuple(sorted(balanced_sample([None] * 30, 24, seed=0)))
    assert balanced_sample(gold, None, seed=0) == tuple(range(85))


def test_orders_take_turns_in_what_comes_last() -> None:
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    orders = orders_by_last(labels, seed=0, most=8)
    assert len(set(orders)) == 8
    assert sum(labels[order[-1]] for order in orders) == 4
    assert tuple(range(8)) not in orders
    assert all(len({labels[place] for place in order[-4:]}) == 1 for order in orders)  # four at the end, as they have
    assert len(orders_by_last([0, 1], seed=0, most=8)) == 1
    assert orders_by_last([0], seed=0, most=8) == ()


def test_what_a_search_tries_first() -> None:
    found = overview_of(*two_classes(4, 2, 0))
    assert (found.harmful, found.favours_last) == ((), False)
    last = replace(found, stability=made_stability(answers_last=True))
    assert (last.harmful, last.favours_last) == ((2,), True)
    assert not last.orders_first  # each order answers its last class, which is right for half
    of = last.stability
    assert of is not None
    better = replace(of.orders[0], scores=np.eye(2)[[label or 0 for label in of.gold]])
    assert replace(last, stability=replace(of, orders=(better, *of.orders[1:]))).orders_first
    assert not replace(found, stability=made_stability(answers_last=False)).favours_last


def test_recency() -> None:
    found = recency(made_stability(answers_last=True))
    assert found is not None
    assert (found.last, found.otherwise) == (1, 0)
    assert found.p_value < 0.05
    none = recency(made_stability(answers_last=False))
    assert none is not None
    assert none.excess == pytest.approx(0)
    assert none.p_value > 0.5


def test_one_row_stands_out() -> None:
    found = made_stability(answers_last=False)
    assert found.harmful == 2
    assert (found.matrix[2] > 0).all()
    alike = replace(found, left_out=tuple(replace(run, scores=found.left_out[2].scores) for run in found.left_out))
    assert alike.harmful is None


def test_a_wrong_label_stands_out_though_it_gives_to_its_class() -> None:
    """It takes from the texts of one class and gives to those of another, half of the queries each."""
    found, generator = made_stability(answers_last=False), np.random.default_rng(0)
    gold = np.array([label or 0 for label in found.gold])

    def left_out(place: int, taken: FloatArray) -> LeftOut:
        taken = taken + generator.normal(0, 0.3, 12)
        return replace(found.left_out[place], scores=found.scores + taken[:, None] * np.eye(2)[gold])

    usual = [left_out(place, np.full(12, -0.2)) for place in range(4)]
    wrong = left_out(1, np.where(gold == 0, 3.0, -2.0))
    assert replace(found, left_out=(usual[0], wrong, *usual[2:])).harmful == 1
    assert replace(found, left_out=tuple(usual)).harmful is None
    fair = left_out(1, np.where(gold == 0, 2.0, -2.0))
    assert replace(found, left_out=(usual[0], fair, *usual[2:])).harmful is None
    nobody = replace(found, gold=(None,) * 12, left_out=(usual[0], wrong, *usual[2:]))
    assert nobody.classes.tolist() == found.predicted.tolist()


def test_separability_of_many_queries_is_bounded() -> None:
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 40, 5000)
    scores = generator.normal(0, 1, (5000, 40)) + np.eye(40)[gold]
    found = separability(prediction_of(scores, gold.tolist()))
    assert found is not None
    assert found.sample == 1000
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.worst is not None
