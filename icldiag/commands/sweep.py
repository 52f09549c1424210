"""`icldiag sweep`: analyses of many prompts, models and draws, and the paper's tables of them."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from icldiag.commands.endings import stop_code
from icldiag.commands.options import FigureType, GpusPerWorker, Ray, Workers, require_ray
from icldiag.errors import IcldiagError, UsageError

if TYPE_CHECKING:
    from icldiag.sweeps.run import Executor


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP", help="A sweep file (YAML); see 'icldiag docs sweeps'.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the data files; by default the sweep file's.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of the results; by default SWEEP-results here.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--again", help="Keep the cells that are done, or compute all.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be computed, and stop.")] = False,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Compute nothing; tables of what is there.")
    ] = False,
    figure_type: FigureType = "pdf",
    ray: Ray = None,
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = None,
) -> None:
    """Run analyses over prompts, models and draws of examples. Prints the paper's tables and writes them."""
    require_ray(ray, workers, gpus_per_worker)
    if output is not None and str(output) == "-":
        raise UsageError("a sweep writes several files; name their folder with -o")

    from icldiag.counting import counted
    from icldiag.page.terminal import print_page
    from icldiag.sweeps.page import by_reason, in_brief
    from icldiag.sweeps.sweep import Sweep
    from icldiag.sweeps.watch import watch_on_stderr
    from icldiag.visible import visible

    made = Sweep(file, data, output)
    folder = made.results.folder
    print(f"{len(made.cells)} cells, {len(made.found)} of them done; results in {folder}", file=sys.stderr)
    known = made.found if resume else {}
    pending = [cell for cell in made.cells if cell not in known]
    if dry_run:
        lacks = {cell: lack for cell in pending if (lack := cell.lack) is not None}
        for cell in pending:
            if cell not in lacks:
                print(visible(cell.name), flush=True)
        if lacks:
            print(f"{counted(len(lacks), 'cell')} cannot be computed:", file=sys.stderr)
        for line in by_reason(lacks):
            print(visible(f"- {line}"), file=sys.stderr)
        return
    if pending and not tables_only:
        try:
            with (
                _executor(ray, workers, gpus_per_worker) as (executor, count),
                watch_on_stderr(pending, known, count) as watch,
            ):
                made.run(executor, watch, again=not resume)
        except KeyboardInterrupt as stop:
            print(f"icldiag: stopped; the finished cells are in {folder}, the same command continues", file=sys.stderr)
            raise SystemExit(stop_code(stop)) from None
    made.write(figure_type)
    print_page(in_brief(made.page()))
    print(f"tables, figures and sweep.html written to {folder}", file=sys.stderr)
    if made.failures:
        told = f"{len(made.failures)} of {len(made.cells)} cells have no result"
        raise IcldiagError(f"{told}; see 'Without a result' above")


def _executor(
    ray: str | None, workers: int | None, gpus_per_worker: float | None
) -> AbstractContextManager[tuple[Executor, int]]:
    """What computes the cells, and with how many workers."""
    if ray is None:
        from icldiag.sweeps.run import InProcess

        return nullcontext((InProcess(), 1))
    from icldiag.sweeps.cluster import cluster

    return cluster(ray, workers, gpus_per_worker)
