"""What to do next about the prompt as a whole. Labels are users' text."""

from __future__ import annotations

from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.overview.origins import named
from icldiag.analyses.search.reading import finding
from icldiag.analyses.search.repairs import Repairs


def next_step(found: Overview, repairs: Repairs | None = None) -> str:
    """What mends the prompt as far as that is known, and what a search would try first; empty while it is computed.

    Args:
        repairs: of a search for more than calibrations, if there was one.
    """
    known = repairs or found.repairs
    if known is None:
        said = [f"{found.unrepaired[0].upper()}{found.unrepaired[1:]}."] if found.unrepaired else []
    elif repairs is not None or not (search := _search(found)):
        said = [finding(known)]
    else:
        said = [finding(known), search]  # where nothing surely fixes it, what to try comes before the trials' numbers
        said = said if known.sure else said[::-1]
    if doubt := to_check(found):
        said.append(f"{doubt[0][0].upper()}{doubt[0][1:]}: {doubt[1]}.")
    if said and found.outscored:
        said.insert(0, "First set 'scoring: terminated' in the prompt file.")
    return " ".join(said)


def to_check(found: Overview) -> tuple[str, str] | None:
    """The demonstration whose label is doubted most, and why; None where none is."""
    if not found.doubts:
        return None
    doubt = found.doubts[0]
    other = found.labels[doubt.reads]
    return f"check the label of {named(found, [doubt.demonstration])}", f"its text scores like the queries of {other}"


def _search(found: Overview) -> str:
    """Where a search for more begins; empty while that is computed."""
    if found.stability is None and found.shown:
        return ""
    first = search_first(found)
    begins = f": first {', then '.join(first)}" if first else ""
    return f"A search in panel Repair tries changes of the prompt too{begins}."


def search_first(found: Overview) -> list[str]:
    """What a search would begin with, as far as that is known."""
    leads = []
    if found.harmful:
        leads.append(f"without {named(found, found.harmful)}")
    if found.orders_first:
        leads.append("other orders")
    if found.verdict.elsewhere:
        leads.append("other label words")
    return leads
