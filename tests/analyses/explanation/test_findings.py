"""Rows of evidence: what their sentences claim is what was measured."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.explanation import Explanation, findings
from icldiag.session import Session


def test_a_prior_that_makes_a_third_label_the_answer_does_not_leave_it(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    contest = found.contest
    third = next(label for label in range(3) if label not in (contest.answer, contest.rival))

    def said(*answers: int) -> str:
        runs = [replace(found.prior.sources[0].divided, answer=one, turned=one == contest.rival) for one in answers]
        pairs = zip(found.prior.sources, runs, strict=True)
        sources = tuple(replace(source, divided=run) for source, run in pairs)
        rows = findings(replace(found, prior=replace(found.prior, sources=sources, balanced=())))
        return next(row.sentence for row in rows if row.name == "label prior")

    stays, kinds = contest.answer, [source.kind for source in found.prior.sources]
    assert len(kinds) == 3
    assert said(stays, stays, stays).endswith("; the answer stays with each of them divided out.")
    other = f"none makes the answer {found.labels[contest.rival]} ({kinds[1]}: {found.labels[third]})"
    assert said(stays, third, stays).endswith(f"; divided out, {other}.")
    assert said(stays, third, contest.rival).endswith(f"; divided out, {kinds[2]} turns the answer.")


def test_the_only_demonstration_of_a_label_says_so(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    most = max(found.demonstrations, key=lambda effect: abs(effect.change))
    for alone, answer in ((True, found.contest.rival), (False, found.contest.rival), (True, found.contest.answer)):
        hidden = replace(most.hidden, answer=answer)
        changed = replace(most, alone=alone, hidden=hidden)
        shown = tuple(changed if effect is most else effect for effect in found.demonstrations)
        row = next(row for row in findings(replace(found, demonstrations=shown)) if row.name == "demonstration")
        told = alone and answer != found.contest.answer
        assert ("It is the only one of its label, so this makes it no cause." in row.sentence) == told
