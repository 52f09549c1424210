"""What results are able to in a terminal, a notebook and a data frame.

An analysis knows none of these: a result asks the report for its own section, and only when it is shown.
"""

from __future__ import annotations

from typing import Any


class Shown:
    """Base of the results: their reading, tables and figures as the report has them."""

    def __repr__(self) -> str:
        from icldiag.report.show import reading_of

        return f"<{type(self).__name__}: {reading_of(self)}>"

    def __rich__(self) -> Any:
        from icldiag.page.terminal import part_renderable
        from icldiag.report.show import part_of

        return part_renderable(part_of(self))

    def _repr_html_(self) -> str:
        from icldiag.page.html import fragment
        from icldiag.report.show import part_of

        return fragment(part_of(self))

    def to_frame(self, table: str | None = None) -> Any:
        """A table of the result as a `pandas.DataFrame`, numbers in full; the main table if none is named.

        Raises:
            AnalysisError: there is no such table, or pandas is not installed.
        """
        from icldiag.report.show import frame_of

        return frame_of(self, table)
