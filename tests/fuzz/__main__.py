"""`python -m tests.fuzz`: many broken inputs for every reader. Exits with 1 where there is a fault."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from tests.fuzz.campaign import Fault, numbers, run, save
from tests.fuzz.reader import Reader
from tests.fuzz.readers import NAMES, readers
from tests.fuzz.worker import Limits


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--reader", action="append", choices=NAMES, help="only this one; repeatable")
    parser.add_argument("--inputs", type=int, default=10_000, help="for each reader (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="draws the inputs (%(default)s)")
    parser.add_argument("--start", type=int, default=0, help="number of the first input (%(default)s)")
    parser.add_argument("--minutes", type=float, help="at most so long, shared by the readers")
    parser.add_argument(
        "--save", type=Path, default=Path("fuzz-faults"), help="folder of the faults' inputs (%(default)s)"
    )
    parser.add_argument("--processor", type=float, default=Limits.processor, help="seconds for one input (%(default)s)")
    parser.add_argument(
        "--wall", type=float, default=Limits.wall, help="seconds of the wall for one input (%(default)s)"
    )
    given = parser.parse_args()
    limits = Limits(processor=given.processor, wall=given.wall, kill=2 * given.wall)
    chosen = [readers()[name] for name in given.reader or NAMES]
    minutes = None if given.minutes is None else given.minutes / len(chosen)
    faulty = 0
    for reader in chosen:
        wanted = numbers(given.start, given.inputs, minutes)
        tally = run(reader, given.seed, wanted, limits, found=partial(_found, reader, given.seed, given.save))
        print(tally, flush=True)
        faulty += tally.faulty
    return 1 if faulty else 0


def _found(reader: Reader, seed: int, folder: Path, fault: Fault) -> None:
    place = save(fault, reader, seed, folder)
    print(f"  {reader.name} {fault.number}: {fault.outcome.sign}; see {place}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
