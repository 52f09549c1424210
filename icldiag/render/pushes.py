"""What pushes towards the answer and what towards its rival: the measures beside each other, and the words by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from icldiag.analyses.contrast.compute import MEASURES
from icldiag.render.columns import GAP, side_by_side
from icldiag.render.fit import cut_middle, pad
from icldiag.render.look import Look
from icldiag.render.shares import signed_bars
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.contrast import Contrast
    from icldiag.analyses.contrast.compute import Measure

_WIDEST, _LEAST = 76, 42  # cells of a measure's bars
_WORD = 16  # cells of a word at most


def pushes(found: Contrast, measure: Measure, width: int, look: Look) -> Text:
    """Bars of each group of words by one measure, and beside them by the others where there is room for all."""
    names = [visible(group.name, look.ascii_only) for group in found.groups]
    one = width // len(MEASURES) - 4
    if one < _LEAST:
        return signed_bars(names, found.of_groups(measure).tolist(), look, min(_WIDEST, width - 2))
    shown = (measure, *(other for other in MEASURES if other != measure))
    blocks = []
    for number, each in enumerate(shown):
        bars = signed_bars(names, found.of_groups(each).tolist(), look, one)
        title = Text(f"   {each}", look.muted if number else look.chosen, no_wrap=True)
        blocks.append([title, *bars.split("\n", allow_blank=True)])
    return side_by_side(blocks)


def pushing_words(found: Contrast, measure: Measure, rows: int, width: int, look: Look) -> Text:
    """The words of texts and labels that push most, towards the answer at the left, towards its rival at the right."""
    weights = found.of_words(measure)
    words = [place for place, word in enumerate(found.words) if word.role in ("text", "label") and word.text.strip()]
    order = sorted(words, key=lambda place: -float(weights[place]))
    sides = (
        (found.answer, [place for place in order if weights[place] > 0][:rows]),
        (found.rival, [place for place in reversed(order) if weights[place] < 0][:rows]),
    )
    each, nats = (width - GAP) // 2, weights.tolist()
    return side_by_side([_column(found, label, places, nats, each, look) for label, places in sides])


def _column(
    found: Contrast, label: int, places: Sequence[int], weights: Sequence[float], width: int, look: Look
) -> list[Text]:
    style = look.chosen if label == found.answer else look.gold
    lines = [Text(f"   towards {visible(found.labels[label], look.ascii_only)}", style, no_wrap=True)]
    groups = {place: group.name for group in found.groups for place in group.words}
    shown = [visible(found.words[place].text.strip(), look.ascii_only) for place in places]
    words = [cut_middle(word, _WORD, look.dots) for word in shown]
    widest = max(map(cell_len, words), default=0)
    for place, word in zip(places, words, strict=True):
        of = cut_middle(visible(groups[place], look.ascii_only), max(6, width - widest - 12), look.dots)
        line = Text(f"   {pad(word, widest)} {weights[place]:+z6.2f}  ", no_wrap=True)
        lines.append(line.append(of, look.muted))
    return lines if places else [*lines, Text("   no word", look.muted)]
