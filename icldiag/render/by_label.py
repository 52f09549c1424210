"""What each demonstration gives to the queries of one label, beside what it gives to those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from icldiag.render.fit import cut_middle, pad, short_names
from icldiag.render.look import Look
from icldiag.render.overview import LARGE
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.model.readout import FloatArray, IntArray

_COLUMN = 9  # cells


def given_by_label(
    names: Sequence[str], matrix: FloatArray, classes: IntArray, labels: Sequence[str], look: Look, width: int
) -> Text:
    """Rows of means in nats, a column for each label that queries have: of many labels those of most queries.

    Args:
        matrix: (rows, m) of what is given to each query.
        classes: (m,) the queries' labels.
    """
    names = [visible(name, look.ascii_only) for name in names]
    head = min(max(map(cell_len, names)), max(10, width // 3))
    counts = np.bincount(classes, minlength=len(labels))
    most = np.argsort(-counts, kind="stable")[: max(1, (width - head) // _COLUMN)]
    shown = sorted(int(label) for label in most if counts[label])
    short = short_names([visible(labels[label], look.ascii_only) for label in shown], _COLUMN - 1)
    above = "".join(f"{' ' * (_COLUMN - cell_len(name))}{name}" for name in short)
    asked = "".join(f"{counts[label]:>{_COLUMN}}" for label in shown)
    lines = [Text(f"{'':{head}}{above}", look.muted, no_wrap=True)]
    lines.append(Text(f"{pad('queries', head)}{asked}", look.muted, no_wrap=True))
    for name, given in zip(names, matrix, strict=True):
        line = Text(pad(cut_middle(name, head, look.dots), head), no_wrap=True)
        for label in shown:
            mean = float(given[classes == label].mean())
            style = look.right if mean >= LARGE else look.wrong if mean <= -LARGE else look.muted
            line.append(f"{mean:+z{_COLUMN}.2f}", style)
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)
