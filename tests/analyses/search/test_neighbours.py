"""The votes of the nearest examples: whose they are, that none is heard twice, and that every answer has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.analyses.affine import fit_affine
from icldiag.analyses.calibration import calibrated
from icldiag.analyses.lab import Lab
from icldiag.analyses.search.biases import label_biases
from icldiag.analyses.search.neighbours import Neighbours
from icldiag.analyses.search.repair import as_it_is
from icldiag.classifier.scorer import LabelScorer
from icldiag.errors import AnalysisError, PromptError
from icldiag.model.readout import silent
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.session import Session
from tests.conftest import Tiny

WORDS = ("river", "opera", "bridge")


@pytest.fixture
def voting(prompt: Prompt) -> Prompt:
    """Each class has a word of its own; the calibration leaves the scores as they are, but for the votes."""
    examples = tuple(Example(f"{WORDS[i % 3]} {i}", i % 3) for i in range(30))
    calibration = Calibration.affine("matrix", np.eye(3), np.zeros(3)).with_votes(4, 2.5)
    return replace(prompt, examples=examples, calibration=calibration)


def test_the_nearest_vote_by_their_likeness(voting: Prompt) -> None:
    votes = voting.votes(Example("the opera river river", None))
    assert votes is not None
    assert sum(votes) == pytest.approx(2.5)
    assert votes[2] == 0
    assert voting.votes(Example("xyzzy", None)) == pytest.approx([2.5 / 3] * 3)  # none is near: all alike
    assert voting.votes(voting.examples[0]) == pytest.approx([2.5, 0, 0])
    alone = replace(voting, examples=(voting.examples[0], Example("opera", 1)))
    assert alone.votes(alone.examples[0]) == pytest.approx([2.5 / 3] * 3)  # it does not vote for itself
    assert replace(voting, calibration=None).votes(voting.queries[0]) is None


def test_no_vote_comes_from_a_fold_that_is_left_out(voting: Prompt) -> None:
    folds = np.arange(30) // 3  # each with all three classes
    neighbours = Neighbours(voting)
    for out in ((), (4,), (4, 7)):
        found = neighbours.without(voting.examples, voting.examples, folds, out, 30)
        for row, example in enumerate(voting.examples):
            heard = [
                other for other, fold in zip(voting.examples, folds, strict=True) if fold not in (*out, folds[row])
            ]
            wanted = replace(voting, examples=tuple(heard), calibration=replace_weight(voting, 1.0, 30))
            np.testing.assert_allclose(found[row], wanted.votes(example) or (), atol=1e-6)
            assert found[row].argmax() == example.label
    labels = np.random.default_rng(0).permutation(np.arange(30) % 3)
    strangers = replace(
        voting, examples=tuple(Example(f"same words {i}", int(label)) for i, label in enumerate(np.sort(labels)))
    )
    cut = np.argsort(np.argsort(np.arange(30) % 10, kind="stable")) % 10
    shares = Neighbours(strangers).without(strangers.examples, strangers.examples, cut, (), 30)
    own = shares[np.arange(30), np.sort(labels)]
    assert abs(own.mean() - 1 / 3) < 0.02  # leaving out a text alone would give less to its own class


def replace_weight(prompt: Prompt, weight: float, nearest: int) -> Calibration:
    assert prompt.calibration is not None
    return prompt.calibration.with_votes(nearest, weight)


def test_the_fit_finds_the_weight_that_the_votes_deserve() -> None:
    generator = np.random.default_rng(0)
    gold = np.repeat(np.arange(3), 60)
    scores = generator.normal(0, 1, (180, 3))
    telling, silent_votes = np.eye(3)[gold] * 0.6 + 0.4 / 3, np.full((180, 3), 1 / 3)
    found = fit_affine(scores, gold.tolist(), "neighbours", shares=telling)
    assert found.kind == "neighbours" and found.votes is not None and found.votes.weight > 2
    assert (calibrated(scores, found, shares=telling).argmax(1) == gold).mean() > 0.95
    against = fit_affine(scores, gold.tolist(), "neighbours", shares=1 - telling).votes
    assert against is not None and against.weight == 0  # votes never speak against their label
    same = fit_affine(scores, gold.tolist(), "neighbours", shares=silent_votes)
    plain = fit_affine(scores, gold.tolist(), "matrix")
    np.testing.assert_allclose(same.matrix, plain.matrix, atol=1e-4)  # type: ignore[arg-type]


def test_every_answer_counts_them(voting: Prompt, tiny: Tiny) -> None:
    session = Session(voting, tiny())
    plain = Session(replace(voting, calibration=None), tiny())
    votes = np.array([voting.votes(query) for query in voting.queries])
    shifted = plain.prediction().scores
    shifted = shifted - shifted.max(1, keepdims=True)
    wanted = shifted - np.log(np.exp(shifted).sum(1, keepdims=True)) + votes
    np.testing.assert_allclose(session.prediction().scores, wanted, atol=1e-4)
    np.testing.assert_allclose(LabelScorer(session).scores(voting.queries), wanted, atol=1e-4)
    lab = Lab(session.model, session.encoded, session.prefix(silent))
    np.testing.assert_allclose(lab.ask([lab.question(voting.queries)])[0], wanted, atol=1e-4)
    flow = session.flow(0)
    chances = np.exp(wanted[0] - wanted[0].max())
    gold = voting.queries[0].known_label
    assert flow.loss == pytest.approx(-np.log(chances[gold] / chances.sum()), abs=1e-3)


def test_the_file_says_them(voting: Prompt, tmp_path: Path) -> None:
    path = tmp_path / "voting.yaml"
    path.write_text(as_yaml(voting))
    assert "nearest: 4\n  weight: 2.5\n" in path.read_text()
    assert read_prompt(path).hash == voting.hash
    for old, new, told in (
        ("  weight: 2.5\n", "", "calibration.weight: this field is missing"),
        ("weight: 2.5", "weight: -1", "calibration.weight: must be at least 0"),
        ("kind: neighbours", "kind: matrix", "calibration.nearest: is not for the kind 'matrix'"),
    ):
        path.write_text(as_yaml(voting).replace(old, new))
        with pytest.raises(PromptError, match=told):
            read_prompt(path)
    path.write_text(as_yaml(replace(voting, examples=())))
    with pytest.raises(PromptError, match="'examples' has no labelled text"):
        read_prompt(path)


def test_votes_that_weigh_nothing_need_no_examples(voting: Prompt, tmp_path: Path) -> None:
    silent_ones = replace(voting, calibration=replace_weight(voting, 0.0, 4))
    assert as_it_is(voting, None).needs == "the examples and the label probabilities"
    assert as_it_is(silent_ones, None).needs == "the label probabilities"
    path = tmp_path / "silent.yaml"
    path.write_text(as_yaml(replace(silent_ones, examples=())))
    assert read_prompt(path).queries[0].text == voting.queries[0].text
    assert silent_ones.votes(voting.queries[0]) is None


def test_no_logit_bias_holds_them(voting: Prompt) -> None:
    with pytest.raises(AnalysisError, match="the neighbours calibration"):
        label_biases(voting, [(1,), (2,), (3,)])
