"""What is chosen on some texts is confirmed on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.lab import Lab
from icldiag.analyses.repairs import finding, sorted_by
from icldiag.analyses.search.calibrations import Candidate
from icldiag.analyses.search.partition import FOLDS
from icldiag.analyses.search.repairs import repairs_of
from icldiag.analyses.search.search import Search
from icldiag.analyses.search.trials import Trials
from icldiag.prompt.adjustments import Calibration, CalibrationKind
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.analyses.repairs.test_search import rich as rich
from tests.analyses.repairs.test_search import texts
from tests.conftest import Tiny


def planted(rich: Prompt, tiny: Tiny, gold: Sequence[int]) -> Trials:
    """Trials on texts whose label scores are one-hot of the label, but for label 2, which is taken for label 0."""
    prompt = replace(rich, examples=tuple(Example(text, label) for text, label in zip(texts(60), gold, strict=True)))
    session = Session(replace(prompt, queries=(Example("Who ?", None),)), tiny())
    encoded = session.encoded
    search = Search(Lab(session.model, encoded, session.model.encode_prefix(encoded.prefix)))
    search.know({(text,): 4 * np.eye(3)[(0, 1, 0)[int(text.split()[-2]) % 3]] for text in texts(60)})
    return Trials(search, 9)


def shifting(trials: Trials, name: str, mended: NDArray[np.bool_]) -> Candidate:
    """A candidate that answers these texts right and the others as before, whatever is left out."""
    right = np.eye(3)[[label or 0 for label in trials._gold]]
    answers = np.where(mended[:, None], right, trials._before)
    return Candidate(
        replace(trials.search.start, name=name),
        np.broadcast_to(answers, (FOLDS, *answers.shape)),
        made_of_fitting=False,
    )


def test_what_was_chosen_by_a_fold_does_not_count_in_it(rich: Prompt, tiny: Tiny) -> None:
    """Each of ten candidates fixes the texts of one fold and no other: a choice that looks at the fold it is measured
    on gains in every fold, one that does not gains in none."""
    trials = planted(rich, tiny, [i % 3 for i in range(60)])
    for own in range(FOLDS):
        trials.add([shifting(trials, f"number {own}", trials._folds == own)])
        if not trials.left:
            break
    trials.look()
    assert trials.winner is not None
    assert trials.winner.selection.net > 0
    assert trials.confirmed is not None
    assert trials.confirmed.net == 0
    assert trials.confirmed.count == 60


def test_all_texts_confirm_a_gain_that_is_there(rich: Prompt, tiny: Tiny) -> None:
    trials = planted(rich, tiny, [i % 3 for i in range(60)])
    trials.add([shifting(trials, "fixes all", np.ones(60, bool))])
    trials.look()
    assert trials.confirmed is not None
    assert (trials.confirmed.count, trials.confirmed.net, trials.confirmed.right_before) == (60, 20, 40)
    assert trials.confirmed.sure


def fitted(candidate: Candidate, kind: CalibrationKind) -> Candidate:
    by = Calibration(kind, (0.0, 0.0, 0.0))
    return replace(candidate, repair=replace(candidate.repair, name=f"{kind} calibration", calibration=by))


def test_of_fits_to_a_prompt_the_most_general_that_gains_is_taken(rich: Prompt, tiny: Tiny) -> None:
    """How far each leaves the less general one is chosen by its fit; a few texts more or less are noise."""
    trials = planted(rich, tiny, [i % 3 for i in range(60)])
    every, half = np.ones(60, bool), np.arange(60) % 2 == 0
    trials.add([fitted(shifting(trials, "", every), "batch"), fitted(shifting(trials, "", half), "matrix")])
    trials.add([fitted(shifting(trials, "", ~every), "neighbours")])  # it gains nothing
    trials.look()
    assert trials.winner is not None and trials.confirmed is not None
    assert trials.winner.repair.name == "matrix calibration"
    assert trials.ranked()[0] is trials.winner
    assert repairs_of(trials).chosen_first  # batch calibration gains more
    told = "First the choice: of one prompt's calibrations that gain, the most"
    assert sorted_by(repairs_of(trials)).startswith(told)
    assert 0 < trials.confirmed.net == len(trials.confirmed.mended) < 20  # the folds choose so too


def test_a_change_that_gains_more_by_itself_needs_no_calibration(rich: Prompt, tiny: Tiny) -> None:
    trials = planted(rich, tiny, [i % 3 for i in range(60)])
    every, half = np.ones(60, bool), np.arange(60) % 2 == 0
    trials.add([fitted(shifting(trials, "", half), "batch"), fitted(shifting(trials, "", half), "matrix")])
    other = replace(trials.search.start, name="reversed", demonstrations=trials.search.start.demonstrations[::-1])
    trials.add([replace(shifting(trials, "", every), repair=other)])
    trials.look()
    assert trials.winner is not None
    assert trials.winner.repair is other
    assert not repairs_of(trials).chosen_first
    assert sorted_by(repairs_of(trials)).startswith("Sorted by ")


def test_a_change_is_not_confirmed_by_what_it_was_made_from(rich: Prompt, tiny: Tiny) -> None:
    trials = planted(rich, tiny, [i % 3 for i in range(60)])
    trials.add([replace(shifting(trials, "fixes all", np.ones(60, bool)), made_of_fitting=True)])
    trials.look()
    assert trials.confirmed is not None
    fitting = len(trials.search.parts.fitting)
    assert trials.confirmed.count == 60 - fitting
    assert min(trials.confirmed.mended) >= fitting


def test_labels_without_a_relation_to_the_texts_are_not_learnt(rich: Prompt, tiny: Tiny) -> None:
    """The matrix fits noise where it is fitted; what the search says of it must not."""
    generator = np.random.default_rng(0)
    noise = [replace(example, label=int(generator.integers(3))) for example in rich.examples]
    found = Session(replace(rich, examples=tuple(noise)), tiny()).repairs(budget=5)
    assert not found.sure
    assert "Best of" not in finding(found)
