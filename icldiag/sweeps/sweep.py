"""The door to sweeps for the command line and for Python: a file, a folder of results, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from icldiag.arguments import checked
from icldiag.page.blocks import Page
from icldiag.page.figures import FigureType
from icldiag.page.tables import as_frame
from icldiag.sweeps.cells import Cell, cells_of
from icldiag.sweeps.page import every_number, sweep_page
from icldiag.sweeps.plan import read_plan
from icldiag.sweeps.results import Result, Results
from icldiag.sweeps.run import Executor, InProcess, NoWatch, Watch, run
from icldiag.sweeps.worker import Failure
from icldiag.sweeps.write import write_sweep


class Sweep:
    """A sweep file with its results.

    Args:
        file: the sweep file; see `icldiag docs sweeps`.
        data: the folder that its data files are relative to; by default its own.
        output: the folder of the results; by default `FILE-results` where one is.

    Raises:
        PromptError: the file or the data are not as they should be.
        ModelError: a model's folder cannot be read.
    """

    @checked
    def __init__(self, file: Path | str, data: Path | str | None = None, output: Path | str | None = None) -> None:
        self.plan = read_plan(Path(file), None if data is None else Path(data))
        self.results = Results(Path(output) if output is not None else Path(f"{Path(file).stem}-results"))
        self.cells = tuple(cells_of(self.plan))
        self.found: dict[Cell, Result] = {
            cell: result for cell in self.cells if (result := self.results.get(cell)) is not None
        }
        self.failures: dict[Cell, Failure] = {}

    @property
    def pending(self) -> list[Cell]:
        """Cells without a result."""
        return [cell for cell in self.cells if cell not in self.found]

    def run(self, executor: Executor | None = None, watch: Watch | None = None, *, again: bool = False) -> None:
        """Compute what is pending, or all `again`, in this process unless told otherwise; see `failures`.

        Each cell is kept as it is done, so this may be cut off at any time.

        Raises:
            IcldiagError: the folder of the results cannot be made or written to.
        """
        self.results.make_folder()
        self.found, self.failures = run(
            self.cells, self.results, executor or InProcess(), watch or NoWatch(), again=again
        )

    def page(self) -> Page:
        """The paper's tables and figures of what there is."""
        return sweep_page(self.plan, self.found, self.failures, len(self.pending) - len(self.failures))

    def to_frame(self) -> Any:
        """Every number in a row of its own, as a pandas data frame. Raises AnalysisError without pandas."""
        return as_frame(every_number(self.found))

    def write(self, figure_type: FigureType = "pdf") -> None:
        """Write `page()` in every format beside the results. Raises IcldiagError."""
        self.results.make_folder()
        write_sweep(self.page(), self.results.folder, figure_type)
