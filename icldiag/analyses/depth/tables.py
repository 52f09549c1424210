"""What a report shows of depth over all queries beside the curves: states, leads in nats, mean direct shares."""

from __future__ import annotations

from icldiag.analyses.depth.compute import Depth
from icldiag.analyses.depth.mean_shares import MeanShares
from icldiag.analyses.depth.reading import reading_of_means, shares
from icldiag.analyses.depth.separation import StateAuc
from icldiag.counting import counted, joined
from icldiag.page.blocks import Block, Cell, Figure, Paragraph, Table
from icldiag.page.figures import curves


def state_table(found: StateAuc) -> Table:
    caption = (
        f"AUC of the states by the layers passed, of {counted(found.queries, 'query')} of {len(found.labels)} labels, "
        "with intervals of 95 %: with the labels shuffled among these queries, and less the AUC of the output's scores "
        f"({found.output})."
    )
    rows = tuple(
        (row, one.value, one.low, one.high, null.value, null.low, null.high)
        + ((None, None) if less is None else (less.low, less.high))
        for row, (one, null, less) in enumerate(zip(found.estimates, found.shuffled, found.differences, strict=True))
    )
    columns = ("layers passed", "AUC", "low", "high", "shuffled", "low", "high", "less the output's, low", "high")
    return Table("states", caption, columns, rows, place="folded")


def lead_blocks(found: Depth) -> list[Block]:
    """In nats, which tell more than a probability that is nearly 0 or 1."""
    leads = found.gold_leads
    of = "the answer" if "all" in leads else "the gold label"
    caption = f"Mean lead of {of} over the best other label by the layers passed (logit lens), in nats."
    named = [(f"{name} answers" if name != "all" else "all answers", numbers) for name, numbers in leads.items()]
    rows = tuple((row, *map(float, cells)) for row, cells in enumerate(zip(*leads.values(), strict=True)))
    columns = ("layers passed", *(name for name, _ in named))
    return [
        Figure("leads", caption, lambda: curves(named, "layers passed", "nats", floor=None, reference=0.0)),
        Table("leads", caption, columns, rows, digits="+.2f", place="folded"),
    ]


def mean_blocks(found: MeanShares) -> list[Block]:
    """Every part's mean share, of the right and of the wrong answers; the largest of the last group first."""
    shown: list[Block] = [Paragraph(reading_of_means(found))]
    if not found.parts:
        return shown
    means = {name: {one.name: one.nats for one in shares(found.mean(chosen))} for name, chosen in found.groups.items()}
    last = list(means.values())[-1]  # wrong ones where there are any
    rows: tuple[tuple[Cell, ...], ...] = tuple((part, *(of[part] for of in means.values())) for part in last)
    told = (
        f"What each part writes directly of the lead of the answer over its rival, in nats, mean over "
        f"{joined([counted(int(chosen.sum()), f'{name} answer') for name, chosen in found.groups.items()])}."
    )
    return [*shown, Table("mean-shares", told, ("part", *means), rows, digits="+.2f", limit=20)]
