"""The lines of the lead: they make it up, and say what each change does and why one comes before another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.explanation import Explanation, of_cause, weights
from icldiag.analyses.explanation.factors import CauseKind
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.explanation.weights import MADE, heavier, opposed_prior
from icldiag.session import Session


def test_the_weights_are_the_shares_and_make_up_the_lead(explained: tuple[Session, Explanation]) -> None:
    session, _ = explained
    for query in range(len(session.prompt.queries)):
        found = session.explanation(query)
        rows = weights(found)
        assert sum(row.nats or 0.0 for row in rows) == pytest.approx(found.contest.lead, abs=1e-4)
        assert [row.role for row in rows].count("rest") == 1
        assert all((row.nats is None) == (row.kind == "classes") for row in rows)
        roles = [row.role for row in weights(found)]
        wrong = bool(found.causes) and found.contest.gold != found.contest.answer
        assert ("main" in roles) == (wrong and found.causes[0].confirmed)
        assert ("maybe" in roles) == (wrong and not found.causes[0].confirmed)
        assert roles.count("unsure") == sum(not cause.confirmed for cause in found.causes[1:])


def test_a_change_that_is_made_with_the_first_cause_s_is_not_called_alone(
    explained: tuple[Session, Explanation],
) -> None:
    """Also where the explanation comes from disk, so that the same run is another object."""
    session, _ = explained
    found = max(map(session.explanation, range(len(session.prompt.queries))), key=lambda one: len(one.shares.factors))
    both = found.shares.runs[frozenset({0, 1})]
    for run, how in ((replace(both), "together"), (replace(found.shares.alone(0)), "alone")):
        cause = Cause(found.shares.factors[0].kind, run, found.shares.nats[0], True, "")
        assert f"{how}, {run.change}" in weights(replace(found, causes=(cause,)))[0].note


def test_a_prior_that_the_other_factors_make_says_so(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    wrong = replace(found, contest=replace(found.contest, gold=found.contest.rival))
    for lean, nats, made in ((1.0, -0.1, True), (1.0, 0.1, False), (-1.0, -0.1, False)):
        sources = tuple(replace(source, lean=lean) for source in found.prior.sources)
        cause = Cause("prior", found.order.runs[0], nats, True, "")
        told = replace(wrong, causes=(cause,), prior=replace(found.prior, sources=sources))
        assert (MADE in weights(told)[0].note) == (MADE in of_cause(cause, told)) == made


def test_a_prior_whose_share_has_another_sign_than_its_lean_says_why(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    parts, (answer, rival) = found.shares, found.pair
    place = parts.place_of("prior")
    assert place is not None
    for lean, nats, names in (
        (1.0, -1.0, (answer, rival)),
        (-1.0, 1.0, (rival, answer)),
        (1.0, 1.0, None),
        (-1.0, -1.0, None),
        (1.0, -0.01, None),
    ):
        sources = tuple(replace(source, lean=lean) for source in found.prior.sources)
        shares = replace(parts, nats=tuple(nats if one == place else value for one, value in enumerate(parts.nats)))
        said = opposed_prior(replace(found, shares=shares, prior=replace(found.prior, sources=sources)))
        assert said == (
            f"Where the query says nothing the prompt leans to {names[0]} over {names[1]} (1.0 nats). With the other "
            f"factors neutral it leans to {names[1]}: this is the share of the label prior ({nats:+.2f})."
            if names
            else ""
        )


def test_that_another_cause_has_a_larger_share_is_said_and_why_it_comes_later(
    explained: tuple[Session, Explanation],
) -> None:
    _, found = explained
    wrong = replace(found, contest=replace(found.contest, gold=found.contest.rival))
    run = found.order.runs[0]
    firsts: tuple[tuple[CauseKind, CauseKind, bool, str], ...] = (
        ("order", "prior", True, "; named first is the smaller change, which a second test confirms too."),
        ("majority", "recency", True, "; named first is the smaller change, which a second test confirms too."),
        ("majority", "demonstration", True, " nats."),
        ("aggregation", "demonstration", False, ", but no second test points to it."),
    )
    for kind, other, supported, why in firsts:
        first, most = Cause(kind, run, 1.0, True, ""), Cause(other, run, 2.0, supported, "")
        said = heavier(replace(wrong, causes=(first, most)))
        assert said.startswith("Another cause, ")
        assert "has a larger share of the lead, 2.00 nats" in said
        assert said.endswith(why)
        if supported:
            light = heavier(replace(wrong, causes=(first, replace(most, weighs=False))))
            assert light.endswith(", but its change alone takes less than half of the lead.")
        for causes in (
            (first, replace(most, nats=1.0)),
            (replace(first, nats=None), most),  # confused classes have no share to compare
            (replace(first, supported=False), most),
            (replace(first, weighs=False), most),
        ):
            assert heavier(replace(wrong, causes=causes)) == ""
