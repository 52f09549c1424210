"""A cause's cure: applied to the prompt it leaves the lead that the explanation says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.explanation import Cause, Explanation
from icldiag.analyses.explanation.cure import cure
from icldiag.analyses.explanation.factors import Factor
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny


def causes(found: Explanation) -> list[Cause]:
    """Every factor as if it were a named cause."""
    factors = found.shares.factors
    return [
        Cause(factor.kind, found.shares.alone(place), found.shares.nats[place], False, "", factor.demonstration)
        for place, factor in enumerate(factors)
    ]


def test_what_is_applied_leaves_the_lead_that_was_shown(prompt: Prompt, tiny: Tiny) -> None:
    lopsided = replace(prompt, demonstrations=(*prompt.demonstrations, prompt.demonstrations[0]))
    families = set()
    for written in (prompt, lopsided):
        session = Session(written, tiny())
        for query in range(len(written.queries)):
            found = session.explanation(query)
            for cause in causes(found):
                repair = cure(cause, found, written)
                if repair is None:
                    assert cause.kind in ("aggregation", "template")
                    continue
                families.add(repair.family)
                scores = session.with_prompt(repair.apply(written)).prediction().scores[query]
                assert found.contest.lead_in(scores) == pytest.approx(cause.confirmed_by.lead, abs=2e-3)
    assert {"calibration", "order"} <= families


def test_each_change_of_demonstrations(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    written = session.prompt
    shown = written.demonstrations

    def after(factor: Factor) -> tuple[Example, ...] | None:
        one = replace(found, shares=replace(found.shares, factors=(factor,)))
        cause = Cause(factor.kind, found.tried[0], 1.0, False, "")
        repair = cure(cause, one, written)
        return None if repair is None else repair.apply(written).demonstrations

    assert after(Factor("demonstration", "1 removed", without=(0,))) == shown[1:]
    place = next(place for place, example in enumerate(shown) if example.label != found.contest.rival)
    relabelled = after(Factor("demonstration", "relabelled", relabelled=place))
    assert relabelled is not None
    assert relabelled[place] == replace(shown[place], label=found.contest.rival)
    backwards = tuple(range(len(shown)))[::-1]
    assert after(Factor("order", "backwards", order=backwards)) == shown[::-1]
    assert after(Factor("order", "the same", order=backwards[::-1])) is None
    assert after(Factor("template", "its own", own_template=True)) is None
    assert after(Factor("aggregation", "doubled", doubled=True)) is None
    words = tuple(f"{label.word}s" for label in written.labels)
    one = replace(found, shares=replace(found.shares, factors=(Factor("word", "other words", words=words),)))
    repair = cure(Cause("word", found.tried[0], 1.0, False, ""), one, written)
    assert repair is not None
    assert tuple(label.word for label in repair.apply(written).labels) == words


def test_of_balanced_classes_it_is_said_which_demonstrations_go(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    written = replace(
        session.prompt, demonstrations=session.prompt.demonstrations[:1] * 3 + session.prompt.demonstrations
    )
    labels = [example.label for example in written.demonstrations]
    ranking = tuple(range(len(labels)))[::-1]
    one = replace(found, shares=replace(found.shares, factors=(Factor("majority", "balanced", ranking=ranking),)))
    repair = cure(Cause("majority", found.tried[0], 1.0, False, ""), one, written)
    assert repair is not None
    assert repair.name == "balanced, without 1, 2, 3 and 4"
    assert repair.apply(written).demonstrations == written.demonstrations[4:]


def test_nothing_is_offered_where_it_would_take_a_calibration_off(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    calibration = Calibration("batch", (0.0,) * len(session.prompt.labels))
    assert all(cure(cause, found, replace(session.prompt, calibration=calibration)) is None for cause in causes(found))


def test_the_prior_that_confirmed_the_cause_is_divided_out(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    for source in found.prior.sources:
        repair = cure(Cause("prior", source.divided, 1.0, False, ""), found, session.prompt)
        assert repair is not None
        assert repair.calibration is not None
        assert repair.calibration.kind == source.kind
        after = session.with_prompt(repair.apply(session.prompt)).prediction().scores[found.contest.query]
        unseen = next((one for one in session.lean().calibrated if one.kind == source.kind), None)
        if unseen is not None:  # what is told was measured without this query
            assert found.contest.lead_in(unseen.scores[found.contest.query]) == pytest.approx(source.divided.lead)
        if unseen is None or source.kind == "contextual":  # nothing of which is measured on queries
            assert found.contest.lead_in(after) == pytest.approx(source.divided.lead, abs=2e-3)
