"""A query's answer in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from icldiag.page.text import place as rank_of
from icldiag.render.bars import label_style
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction


def answer_line(prediction: Prediction, query: int, look: Look) -> Text:
    """Right or wrong, between which labels it was, and by how much the answer leads."""
    from icldiag.analyses.contest import contest_of
    from icldiag.analyses.explanation.reading import in_nats

    chances, gold = prediction.probabilities[query], prediction.gold[query]
    order = sorted(range(len(chances)), key=lambda label: -chances[label])
    won, second = order[0], order[1]

    def named(label: int, style: str) -> tuple[str, str]:
        return visible(f"{prediction.labels[label]} {chances[label]:.2f}", look.ascii_only), style

    parts: list[str | tuple[str, str]]
    if gold is None:
        parts = [named(won, look.chosen), ", next ", named(second, "bold"), "; the right label is unknown"]
    elif gold != won:
        rank = f", {rank_of(order.index(gold) + 1, 'most probable')}" if len(order) > 2 else ""
        parts = [("x ", look.wrong), named(won, look.chosen), ", want ", named(gold, look.gold), rank]
    else:
        right = label_style(won, won, gold, look)
        parts = [("Right: ", look.right), named(won, right), f", next {named(second, '')[0]}"]
    contest = contest_of(prediction, query)
    tie = " (a tie)" if contest.tie else ""
    parts.append((f"   lead {in_nats(contest.lead, contest.lead)} nats{tie}", look.strong))
    return Text.assemble(*parts)
