"""The report's section: which queries it says that it explains."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.section import blocks, reading
from icldiag.page.blocks import Paragraph
from icldiag.report.document import context_of
from icldiag.report.settings import ReportSettings
from icldiag.session import Session


def test_only_the_most_confident_queries_are_called_so(explained: tuple[Session, Explanation]) -> None:
    """Of what was computed so far there may be others."""
    session, found = explained
    wrong = found.contest.query
    context = context_of(session, ReportSettings())

    def told(order: tuple[int, ...], *results: Explanation) -> tuple[str, str]:
        """Where these queries are wrong, the most confident first."""
        known = SimpleNamespace(wrong=order)
        here = replace(context, prediction=known)  # type: ignore[arg-type]
        first = next(block.text for block in blocks(list(results), here) if isinstance(block, Paragraph))
        return first, reading(list(results), here)

    other = replace(found, contest=replace(found.contest, query=next(at for at in range(4) if at != wrong)))
    right = replace(other, contest=replace(other.contest, gold=other.contest.answer))
    order = wrong, other.contest.query, 9
    assert told(order, found)[0] == "The most confident of 3 wrong queries."
    both, reading_of_both = told(order, found, other)
    assert both == "The 2 most confident of 3 wrong queries."
    assert f" The most confident is query {wrong + 1} (" in reading_of_both
    later, reading_of_later = told((9, *order[:2]), found, other)
    assert later == "Explained here: 2 of 3 wrong queries."
    assert f" The first is query {wrong + 1} (" in reading_of_later
    assert told((wrong, 9), found, right)[0] == (
        "Explained here: 2 queries, 1 of them known to be wrong; in all 2 are."
    )
    assert told((9,), right)[0] == "Explained here: 1 query, none of them known to be wrong; in all 1 is."
    assert told(order[:2], found, other)[0].startswith(f"{found.pair[0]}, not ")  # all of them
