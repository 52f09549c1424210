"""What the prompt itself shows: forms of label words, words that overlap, a query that is written otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation.factors import neutralised, read
from icldiag.analyses.explanation.wording import (
    common_form,
    name_factor,
    name_lead,
    overlap,
    scoring_factor,
    template_factor,
    word_factor,
)
from icldiag.analyses.lab import Lab
from icldiag.model.readout import silent
from icldiag.prompt.fields import Scoring
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny

CONTEST = Contest(query=0, answer=0, rival=1, gold=1, lead=2.0)


def lab_of(prompt: Prompt, tiny: Tiny) -> Lab:
    session = Session(prompt, tiny())
    return Lab(session.model, session.encoded, session.prefix(silent))


def test_words_get_the_form_of_most_or_the_answer_s() -> None:
    assert common_form((" Person", " LOCATION", " Number"), CONTEST) == (" ", "a capital")
    assert common_form((" Person", " LOCATION"), CONTEST) == (" ", "a capital")
    assert common_form((" Person", " Location", " NUMBER"), CONTEST) is None
    assert common_form((" 42", "43"), CONTEST) is None


def test_other_words_are_a_factor_only_where_they_can_be_asked(prompt: Prompt, tiny: Tiny) -> None:
    assert word_factor(lab_of(prompt, tiny), CONTEST) is None
    other = replace(prompt, labels=(prompt.labels[0], Label("Location", "location"), prompt.labels[2]))
    found = word_factor(lab_of(other, tiny), CONTEST)
    assert found is not None
    assert found.words == (" Person", " Location", " Number")
    clash = replace(prompt, labels=(prompt.labels[0], Label("Location", " person"), prompt.labels[2]))
    assert word_factor(lab_of(clash, tiny), CONTEST) is None


def test_words_from_the_names_are_a_factor_where_the_pair_has_others(prompt: Prompt, tiny: Tiny) -> None:
    assert name_factor(lab_of(prompt, tiny), CONTEST) is None
    other = replace(prompt, labels=(*prompt.labels[:2], Label("Number", " the")))
    lab = lab_of(other, tiny)
    assert name_factor(lab, CONTEST) is None  # the words of the two are like their names
    pair = replace(CONTEST, rival=2)
    found = name_factor(lab, pair)
    assert found is not None
    assert found.words == (" Person", " Location", " Number")
    assert found.change == "label words from the labels' names ('Number' for Number)"
    (lead,) = lab.inquire([name_lead(lab, pair)], silent)
    assert lead == pytest.approx(pair.lead_in(Session(prompt, lab.model).prediction().scores[0]), abs=1e-4)


def test_what_words_from_the_names_take_is_divided_with_the_rest(prompt: Prompt, tiny: Tiny) -> None:
    """They are a cause where their change weighs, supported only where other queries gain."""
    other = replace(prompt, labels=(*prompt.labels[:2], Label("Number", " the")))
    session = Session(other, tiny())
    plain = Session(prompt, session.model).prediction().scores
    seen = 0
    for query in range(len(prompt.queries)):
        found = session.explanation(query)
        place = found.shares.place_of("name")
        if place is None:
            continue
        seen += 1
        assert found.shares.alone(place).lead == pytest.approx(found.contest.lead_in(plain[query]), abs=1e-4)
        cause = next((cause for cause in found.causes if cause.kind == "name"), None)
        checked = found.checks[place]
        if cause is not None:
            assert cause.supported == (checked is not None and checked.helps)
    assert seen


def test_a_whole_word_that_another_begins_with_can_not_lose(prompt: Prompt, tiny: Tiny) -> None:
    words = (Label("Person", " Person"), Label("Location", " Person Location"), prompt.labels[2])
    lab = lab_of(replace(prompt, labels=words, scoring="whole"), tiny)
    assert overlap(lab, CONTEST)
    assert not overlap(lab, replace(CONTEST, answer=1, rival=0))
    assert scoring_factor(lab, CONTEST) is not None
    scores = Session(lab.prompt, lab.model).prediction().scores
    assert (scores[:, 0] > scores[:, 1]).all()
    found = Session(lab.prompt, lab.model)
    query = next(place for place in range(len(lab.prompt.queries)) if found.prediction().rival(place) == 1)
    explained = found.explanation(query)
    place = [factor.kind for factor in explained.shares.factors].index("scoring")
    lengths = np.array([len(ids) for ids in found.encoded.label_tokens])
    expected = explained.contest.lead_in(scores[query] / lengths)
    assert explained.shares.alone(place).lead == pytest.approx(expected, abs=1e-4)
    assert not overlap(lab_of(prompt, tiny), CONTEST)


@pytest.mark.parametrize(
    ("own", "other"),
    [("first", "whole"), ("terminated", None), ("per_token", "whole"), ("per_byte", "whole"), ("pmi", "whole")],
)
def test_every_scoring_has_another_that_is_asked(
    prompt: Prompt, tiny: Tiny, own: Scoring, other: Scoring | None
) -> None:
    words = (Label("Person", " Person"), Label("Location", " sea park"), prompt.labels[2])
    model = tiny()
    session = Session(replace(prompt, labels=words, scoring=own), model)
    explained = session.explanation(0)
    lab = Lab(model, session.encoded, session.prefix(silent))
    factor = scoring_factor(lab, replace(explained.contest, answer=0, rival=1))
    assert factor is not None
    pair = replace(explained.contest, answer=0, rival=1)
    question = neutralised(lab, pair, [factor], lab.prompt.queries)
    (rows,) = lab.ask([question])
    found = read(lab, [factor], rows)
    if other is None:  # a mean over the words' tokens and what ends them
        wanted = session.prediction().scores / np.array([len(ids) for ids in session.encoded.scored_tokens])
    else:
        wanted = Session(replace(session.prompt, scoring=other), model).prediction().scores
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    alike = replace(pair, answer=2, rival=0)  # of one token, and of as many bytes
    same = scoring_factor(lab, alike)
    assert (same is None) == (own != "pmi")


def test_a_query_that_is_written_otherwise_is_asked_as_the_demonstrations_are(prompt: Prompt, tiny: Tiny) -> None:
    assert template_factor(lab_of(prompt, tiny)) is None
    other = replace(prompt, query_template="Text: {text}\nType:{label}")
    assert other.hash != prompt.hash
    assert other.written("x").endswith("Text: x\nType:")
    plain, session = Session(prompt, tiny()), Session(other, tiny())
    assert not np.allclose(plain.prediction().scores, session.prediction().scores)
    found = session.explanation(0)
    place = [factor.kind for factor in found.shares.factors].index("template")
    lead = found.contest.lead_in(plain.prediction().scores[0])
    assert found.shares.alone(place).lead == pytest.approx(lead, abs=1e-4)
