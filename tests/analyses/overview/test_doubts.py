"""A demonstration whose text reads like another class's: the rule, the words, and a wrong label that is found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from icldiag.analyses.estimates import log_likelihood
from icldiag.analyses.overview import Perturb
from icldiag.analyses.overview.advice import next_step, to_check
from icldiag.analyses.overview.doubts import Doubt, doubts
from icldiag.analyses.overview.reading import lines
from icldiag.analyses.overview.stability import LeftOut, Stability
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.analyses.overview.made import overview_of
from tests.conftest import Tiny

GOLD = (0, 0, 0, 0, 1, 1, 1, 1)


def scores(spread: float = 0.3) -> np.ndarray:
    """Queries of two classes that the scores tell apart."""
    jitter = np.linspace(-spread, spread, 4)
    return np.array([[2 + one, 0.0] for one in jitter] + [[0.0, 2 + one] for one in jitter])


def stability(texts: list[list[float] | None], better: float = 0.1) -> Stability:
    """Demonstrations of class 0 alone; without one, the gold labels' scores are higher by `better`."""
    own = scores()
    without = own + better * np.eye(2)[list(GOLD)]
    runs = tuple(
        LeftOut((), without, (place,), 0, False, None if text is None else np.array(text))
        for place, text in enumerate(texts)
    )
    return Stability(tuple(range(8)), 8, GOLD, own, 1, (), runs, 0)


def test_a_text_that_scores_like_the_other_class_is_doubted() -> None:
    found = stability([[2.0, 0.0], [0.0, 2.1], [1.9, 0.1]])
    (one,) = doubts(found)
    run = found.left_out[1]
    leads = run.scores[:, 0] - run.scores[:, 1]
    assert one == Doubt(1, 1, log_likelihood(-2.1, leads[:4].tolist(), leads[4:].tolist()) or 0.0)
    assert one.nats > math.log(6)


def test_the_surest_is_first_and_what_says_nothing_is_not_doubted() -> None:
    found = stability([[0.0, 1.4], [0.0, 2.0], None, [1.0, 1.0]])
    assert doubts(found)[0].demonstration == 1
    assert 3 not in [one.demonstration for one in doubts(found)]  # between the classes
    assert doubts(replace(found, gold=(None,) * 8)) == ()
    assert doubts(stability([[0.0, 2.0]], better=-0.1)) != ()
    assert doubts(stability([[0.0, 2.0]], better=-2.0)) == ()  # without it both classes lose
    reversed_ = replace(found, gold=GOLD[::-1])  # the prompt does not tell the classes apart
    assert doubts(reversed_) == ()


def test_it_is_told_with_how_sure_it_is() -> None:
    found = overview_of(scores(), list(GOLD))
    assert to_check(found) is None
    known = replace(found, stability=stability([[2.0, 0.0], [0.0, 2.0]]), shown=(0, 0))
    told = to_check(known)
    assert told is not None
    assert told[0] == "check the label of demonstration 2 (Negative)"
    assert told[1] == "its text scores like the queries of Positive"
    said = {line.name: line.sentence for line in lines(known)}["doubted labels"]
    assert said.startswith("demonstration 2 (Negative) scores like the queries of Positive, ")
    assert "Check the label of demonstration 2" in next_step(replace(known, unrepaired="no labelled text"))


def test_the_texts_are_asked_beside_the_queries(tiny: Tiny, prompt: Prompt) -> None:
    """As the prompt without the demonstration answers its text."""
    session = Session(prompt, tiny())
    found = session.ask(Perturb())
    assert found is not None
    for run in found.left_out:
        assert run.text is not None
        assert run.scores.shape == (len(found.queries), run.text.shape[0])
        (place,) = run.without
        prompt = session.prompt
        kept = tuple(prompt.demonstrations[one] for one in run.places)
        alone = Session(replace(prompt, demonstrations=kept, queries=(prompt.demonstrations[place],)), session.model)
        np.testing.assert_allclose(run.text, alone.prediction().scores[0], atol=1e-4)
