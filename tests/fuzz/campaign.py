"""Many inputs for one reader: what came of them, and the smallest input of each fault."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.inputs import Input, Special
from tests.fuzz.judge import Outcome
from tests.fuzz.mutate import mutated
from tests.fuzz.reader import Reader
from tests.fuzz.worker import Limits, Worker

_TRIES = 150  # inputs that may be tried to make one smaller
_SECONDS = 10.0  # for that
_SLOW = ("hang", "memory", "process", "MemoryError")


@dataclass
class Fault:
    """What went wrong the same way, however often."""

    outcome: Outcome
    number: int  # of the first input
    given: Input
    count: int = 1


@dataclass
class Tally:
    """What came of a reader's inputs."""

    reader: Reader
    seed: int
    inputs: int = 0
    values: int = 0
    told: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def faulty(self) -> int:
        return sum(fault.count for fault in self.faults.values())

    def __str__(self) -> str:
        kinds: Counter[str] = Counter()
        for sign, fault in self.faults.items():
            kinds[_kind(sign)] += fault.count
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "no fault"
        return (
            f"{self.reader.name:16} {self.inputs:6} inputs {self.values:6} values {self.told:6} told "
            f"{self.faulty:6} faults of {len(self.faults)} kinds ({told}); "
            f"{self.seconds:.0f} s, the slowest {self.slowest:.1f} s"
        )


def _kind(sign: str) -> str:
    kinds = {"hang": "hangs", "memory": "memory", "MemoryError": "memory", "output": "output", "message": "messages"}
    known = {**kinds, "process": "deaths", "std": "output", "exit": "exits", "Altered": "altered"}
    return next((kind for start, kind in known.items() if sign.startswith(start)), "tracebacks")


def input_of(reader: Reader, seed: int, number: int) -> Input:
    """The same input for the same numbers, whatever else is read. The first ones are the seeds as they are."""
    if number < len(reader.seeds):
        return reader.seeds[number]
    draw = random.Random(f"{reader.name}/{seed}/{number}")
    return mutated(reader.seeds, draw, keep_arguments=reader.keeps_arguments)


def numbers(start: int, inputs: int, minutes: float | None = None) -> Iterator[int]:
    """So many numbers, or as many as there is time for."""
    end = None if minutes is None else time.monotonic() + 60 * minutes
    for number in range(start, start + inputs):
        if end is not None and time.monotonic() > end:
            return
        yield number


def run(
    reader: Reader,
    seed: int,
    wanted: Iterator[int],
    limits: Limits | None = None,
    *,
    found: Callable[[Fault], None] = lambda fault: None,
) -> Tally:
    """Read these inputs; `found` is told each new fault, its input made smaller."""
    tally = Tally(reader, seed)
    begun = time.monotonic()
    with Worker(reader, limits or Limits()) as worker:
        for number in wanted:
            given = input_of(reader, seed, number)
            started = time.monotonic()
            outcome = worker.read(given)
            tally.slowest = max(tally.slowest, time.monotonic() - started)
            tally.inputs += 1
            tally.values += outcome.kind == "value"
            tally.told += outcome.kind == "told"
            if outcome.sign in tally.faults:
                tally.faults[outcome.sign].count += 1
            elif outcome.is_fault:
                fault = Fault(outcome, number, smaller(worker, given, outcome))
                tally.faults[outcome.sign] = fault
                found(fault)
    tally.seconds = time.monotonic() - begun
    return tally


def smaller(worker: Worker, given: Input, outcome: Outcome) -> Input:
    """Leave out whatever the fault does not need, in ever smaller pieces."""
    if outcome.sign.startswith(_SLOW):
        return given
    tries, end = _TRIES, time.monotonic() + _SECONDS
    for name, content in given.files.items():
        if isinstance(content, Special):
            continue
        kept, size = content, len(content)
        while size > 1:
            size = min((size + 1) // 2, len(kept))
            start = 0
            while start < len(kept):
                if not tries or time.monotonic() > end:
                    return given
                tries -= 1
                less = kept[:start] + kept[start + size :]
                if worker.read(given.with_file(name, less)).sign == outcome.sign:
                    given, kept = given.with_file(name, less), less
                else:
                    start += size
    return given


def save(fault: Fault, tally_of: Reader, seed: int, folder: Path) -> Path:
    """Write the input, and beside it what came of it and how to have it again."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", fault.outcome.sign)[:60].strip("-")
    place = folder / tally_of.name / f"{name}-{hashlib.sha256(fault.outcome.sign.encode()).hexdigest()[:6]}"
    place.mkdir(parents=True, exist_ok=True)
    odd = []
    for file, content in fault.given.files.items():
        if isinstance(content, bytes):
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_bytes(content)
        else:
            odd.append(f"{file}: {content.value}")
    again = f"python -m tests.fuzz --reader {tally_of.name} --seed {seed} --start {fault.number} --inputs 1"
    told = [fault.outcome.sign, again, *odd, f"arguments: {fault.given.arguments!r}"[:3000], "", fault.outcome.detail]
    (place / "FAULT.txt").write_text("\n".join(told) + "\n", encoding="utf-8", errors="backslashreplace")
    return place
