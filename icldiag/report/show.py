"""A result on its own, without its session: the part of a page that it would be."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from icldiag.analyses.compression import Compression
from icldiag.analyses.confusion import Confusion
from icldiag.analyses.explanation import Explanation
from icldiag.analyses.extraction import Extraction
from icldiag.analyses.isolation import Isolation, Setting
from icldiag.analyses.prediction import Prediction
from icldiag.analyses.repairs import Repairs
from icldiag.analyses.reweighting import Reweighting
from icldiag.analyses.saliency import QueryFlow, Saliency
from icldiag.errors import AnalysisError
from icldiag.report import isolation
from icldiag.report.blocks import Part, Table
from icldiag.report.document import SECTIONS
from icldiag.report.saliency import Flows
from icldiag.report.tables import as_frame

#: The section that shows a result, and how the section wants it.
_HOMES: dict[type, tuple[str, Callable[[Any], Any]]] = {
    Prediction: ("prediction", lambda result: result),
    Explanation: ("explanation", lambda found: [found]),
    Confusion: ("confusion", lambda result: result),
    Saliency: ("saliency", Flows),
    QueryFlow: ("saliency", lambda flow: Flows(Saliency((flow,)))),
    Isolation: ("isolation", lambda sweep: isolation.Isolations((sweep,))),
    Extraction: ("extraction", lambda result: result),
    Repairs: ("repairs", lambda result: result),
    Reweighting: ("reweighting", lambda result: result),
    Compression: ("compression", lambda result: result),
}
_numbers = count(1)  # keeps the ids of figures apart where a notebook shows a result twice


def reading_of(result: Any) -> str:
    """What was found, in a sentence."""
    if isinstance(result, Setting):
        return isolation.reading_of_setting(result)
    name, wanted = _HOMES[type(result)]
    return SECTIONS[name].reading(wanted(result), None)


def part_of(result: Any) -> Part:
    if isinstance(result, Setting):
        table = isolation.settings_table("settings", "One setting.", [result])
        return Part(f"isolation-{next(_numbers)}", "Isolation", reading_of(result), (table,))
    name, wanted = _HOMES[type(result)]
    section = SECTIONS[name]
    blocks = section.blocks(wanted(result), None)
    return Part(f"{name}-{next(_numbers)}", section.title, reading_of(result), tuple(blocks))


def frame_of(result: Any, name: str | None) -> Any:
    """A table as a data frame. Raises AnalysisError; see `Shown.to_frame`."""
    tables = {block.name: block for block in part_of(result).blocks if isinstance(block, Table)}
    if name is None:
        name = "settings" if isinstance(result, Setting) else SECTIONS[_HOMES[type(result)][0]].main
    if not isinstance(name, str) or name not in tables:
        raise AnalysisError(f"there is no table {name!r:.80}; choose from {', '.join(tables)}")
    return as_frame(tables[name])
