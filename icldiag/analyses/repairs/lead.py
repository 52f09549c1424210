"""Which changes of the prompt are tried first: those that mend what the overview says is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from icldiag.analyses.repairs.demonstrations import deletions, first_demonstrations, replacements
from icldiag.analyses.repairs.order import orders
from icldiag.analyses.repairs.retrieval import retrievals
from icldiag.analyses.repairs.turns import turns
from icldiag.analyses.repairs.words import words
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.search import Search

if TYPE_CHECKING:
    from icldiag.analyses.overview import Overview

Family = Callable[[Search], Iterator[Repair]]


def families(overview: Overview | None) -> list[Family]:
    """In the order of their turns. A lean is not among the reasons: the calibrations that undo it come before all."""
    usual: list[Family] = [turns, first_demonstrations, replacements, orders, deletions, words, retrievals]
    first: list[Family] = []
    if overview is not None:
        if overview.harmful:
            first += [deletions, replacements]
        if overview.orders_first:
            first.append(orders)
        if overview.verdict.elsewhere:
            first += [turns, words]
    return [*first, *(family for family in usual if family not in first)]
