"""What results are able to in a terminal, a notebook and a data frame.

A result asks the registry for the section that shows it, and only when it is shown.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from icldiag.analyses import ANALYSES
from icldiag.errors import AnalysisError
from icldiag.quoting import did_you_mean, quoted

if TYPE_CHECKING:
    from icldiag.page.blocks import Part

_numbers = count(1)  # keeps the ids of figures apart where a notebook shows a result twice


class AnalysisResult:
    """Base of the results: their reading, tables and figures as the report has them."""

    def __repr__(self) -> str:
        section = _home(self).section
        return f"<{type(self).__name__}: {section.reading(section.gather([self], None), None)}>"

    def __rich__(self) -> Any:
        from icldiag.page.terminal import part_renderable

        return part_renderable(part_of(self))

    def _repr_html_(self) -> str:
        from icldiag.page.html import fragment

        return fragment(part_of(self))

    def to_frame(self, table: str | None = None) -> Any:
        """A table of the result as a `pandas.DataFrame`, numbers in full; the main table if none is named.

        Raises:
            AnalysisError: there is no such table, or pandas is not installed.
        """
        from icldiag.page.blocks import Table
        from icldiag.page.tables import as_frame

        tables = {block.name: block for block in part_of(self).blocks if isinstance(block, Table)}
        name = table
        if table is None:  # of an answer that lacks the section's main table, as one query's, its first
            main = _home(self).section.main
            name = main if main in tables else next(iter(tables), main)
        if not isinstance(name, str) or name not in tables:
            close = did_you_mean(str(name), tables)
            raise AnalysisError(f"there is no table {quoted(name)}; {close}choose from {', '.join(tables)}")
        return as_frame(tables[name])


def _home(result: AnalysisResult) -> Any:
    """The analysis whose section shows a result."""
    return next(analysis for analysis in ANALYSES.values() if isinstance(result, analysis.results))


def part_of(result: AnalysisResult) -> Part:
    from icldiag.page.blocks import Part

    analysis = _home(result)
    section = analysis.section
    alone = section.gather([result], None)
    name = f"{analysis.name}-{next(_numbers)}"
    return Part(name, section.title, section.reading(alone, None), tuple(section.blocks(alone, None)))
