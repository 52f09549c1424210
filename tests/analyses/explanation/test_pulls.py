"""Whose texts a demonstration pulls, against the lead with it hidden, and what is more than chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.explanation.contest import contest_of
from icldiag.analyses.explanation.demonstrations import hiding
from icldiag.analyses.explanation.others import others_of
from icldiag.analyses.explanation.pulls import Pull, pulls_of
from icldiag.analyses.lab import Lab
from icldiag.model.readout import silent
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny


def test_a_pull_is_what_the_lead_of_other_queries_loses(prompt: Prompt, tiny: Tiny) -> None:
    queries = tuple(Example(f"Who wrote book {place} ?", place % 2) for place in range(6))
    shown = tuple(replace(example, label=place % 2) for place, example in enumerate(prompt.demonstrations))
    session = Session(replace(prompt, demonstrations=shown, queries=queries), tiny())
    contest = contest_of(session.prediction(), 0)
    lab = Lab(session.model, session.encoded, session.prefix(silent))
    others = others_of(contest, session.prediction(), 0)
    (pulls,) = lab.inquire([pulls_of(lab, contest, others)])
    places = [place for place, example in enumerate(shown) if example.label == contest.answer]
    assert [pull.demonstration for pull in pulls] == (places if len(places) > 1 else [])
    for pull in pulls:
        texts = [session.prompt.queries[place] for place in others.queries]
        (hidden,) = lab.ask([lab.question(texts, target_edits=hiding(lab, pull.demonstration))])
        lost = [
            contest.lead_in(before) - contest.lead_in(after)
            for before, after in zip(others.scores, hidden, strict=True)
        ]
        assert pull.own.tolist() == pytest.approx(
            [nats for nats, own in zip(lost, others.own, strict=True) if own], abs=1e-5
        )
        assert pull.contrast == pytest.approx(pull.rival.mean() - pull.own.mean())
    one_class = others_of(contest, replace(session.prediction(), gold=(contest.rival,) * 6), 0)
    assert lab.inquire([pulls_of(lab, contest, one_class)]) == [()]


def test_a_pull_on_the_rival_s_texts_must_be_more_than_chance() -> None:
    assert Pull(0, np.array([0.1, 0.2, 0.1]), np.array([3.0, 3.4, 2.8])).sure
    assert not Pull(0, np.array([0.1, 5.0, 0.1]), np.array([3.0, 0.4, 2.8])).sure
    assert not Pull(0, np.array([3.0, 3.4, 2.8]), np.array([0.1, 0.2, 0.1])).sure
    assert not Pull(0, np.array([0.1]), np.array([3.0])).sure
