"""What repairs do, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.effect import Effect
from icldiag.analyses.repairs import Repairs, Trial, finding, verdict
from icldiag.analyses.search.repair import as_it_is
from icldiag.analyses.search.trials import wins
from icldiag.prompt.schema import Prompt


def judged(prompt: Prompt, mends: bool, mended: int, broken: int) -> tuple[Repairs, Trial]:
    """A trial that does or does not fix query 0, and does so much to the selection part."""
    trial = Trial(
        repair=as_it_is(prompt, None),
        selection=Effect(20, 10, tuple(range(mended)), tuple(range(10, 10 + broken)), 0.0, (mended - broken) / 20),
        wins=mended >= broken,
        queries=Effect(5, 4, (0,) if mends else (), (), 0.0),
        predicted=np.array([0 if mends else 1, 1, 2, 0, 1, 2]),
        tokens=10,
        logit_bias="none",
    )
    gold = tuple(query.label for query in prompt.queries)
    before = np.array([1, 1, 2, 0, 1, 2])
    found = Repairs(0, 1, 0, (trial,), None, None, (), (), (), False, gold, before, 10, ())
    return found, trial


@pytest.mark.parametrize(
    ("mends", "mended", "broken", "words"),
    [
        (True, 1, 3, "fixes this query but breaks others"),
        (True, 3, 1, "fixes this query and others"),
        (True, 2, 2, "fixes this query and as many others as it breaks"),
        (True, 0, 0, "fixes this query and changes nothing else"),
        (False, 3, 1, "fixes others, not this query"),
        (False, 1, 3, "breaks others"),
        (False, 0, 0, "changes nothing"),
    ],
)
def test_what_a_repair_does_is_said_in_words(prompt: Prompt, mends: bool, mended: int, broken: int, words: str) -> None:
    found, trial = judged(prompt, mends, mended, broken)
    assert verdict(found, trial, 0) == words


def test_a_winner_must_gain_and_mend(prompt: Prompt) -> None:
    for mends, mended, broken, won in (
        (None, 3, 1, True),
        (None, 2, 2, False),
        (True, 2, 2, True),
        (True, 1, 2, False),
        (False, 3, 1, False),
    ):
        _, trial = judged(prompt, bool(mends), mended, broken)
        assert wins(trial.selection, mends) is won


def test_a_search_that_finds_nothing_says_whether_anything_mends_the_query(prompt: Prompt) -> None:
    found, _ = judged(prompt, False, 3, 1)
    assert found.mender is None
    assert finding(found) == "None of 1 repairs fixes query 1."
    found, trial = judged(prompt, True, 1, 3)
    assert found.mender == 0
    assert finding(found).endswith(
        f"The best that fixes it, {trial.repair.name}, fixes this query but breaks others (-2 of 20)."
    )


def test_a_report_names_the_query_that_is_fixed(prompt: Prompt) -> None:
    """The panel's query is in view, a report's is not."""
    found, _ = judged(prompt, True, 3, 1)
    confirmed = Effect(10, 5, (0, 1), (), 0.5, 0.2)
    chosen = replace(found, query=2, winner=0, confirmed=confirmed)
    for holds, words in ((confirmed, "It fixes query 3."), (Effect(10, 5, (), (0, 1), 0.5, -0.2), "fixes query 3 but")):
        assert words in finding(replace(chosen, confirmed=holds))
    losing, _ = judged(prompt, True, 1, 3)
    assert "repairs fixes query 1 without losing" in finding(losing)


def test_a_calibration_in_force_is_what_others_are_compared_with(prompt: Prompt) -> None:
    """Beside what it gained, `none gains` alone would read as if it gained nothing."""
    found, _ = judged(prompt, False, 1, 3)
    found = replace(found, query=None)
    assert finding(found) == "None of 1 repairs gains on the labelled texts that it was not made from."
    assert finding(replace(found, calibration="matrix")) == (
        "Compared with the matrix calibration in force, none of 1 repairs gains on the labelled texts that it was not "
        "made from."
    )
