"""A short run of the fuzzers for every reader, and that they can fail. The long run: `python -m tests.fuzz`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest

from icldiag.errors import IcldiagError
from tests.fuzz.campaign import input_of, numbers, run, save, smaller
from tests.fuzz.inputs import Input, Special
from tests.fuzz.reader import Arguments, Reader
from tests.fuzz.readers import NAMES, readers
from tests.fuzz.worker import Limits, Worker

INPUTS = {"chat-template": 40, "cell": 50}  # readers that take their time; of all others:
USUAL = 100
SEED = 11
PATIENT = Limits(wall=120.0, kill=180.0)  # other work may share the machine


@pytest.mark.parametrize("name", NAMES)
def test_every_input_gives_a_value_or_one_sentence(name: str) -> None:
    inputs = INPUTS.get(name, USUAL)
    tally = run(readers()[name], SEED, numbers(0, inputs), PATIENT)
    faults = [f"input {one.number}: {one.outcome.sign}\n{one.outcome.detail}" for one in tally.faults.values()]
    assert not faults, "\n\n".join([f"python -m tests.fuzz --reader {name} --seed {SEED} --inputs {inputs}", *faults])
    assert (tally.values and tally.told) or name == "store"  # both were tried; a store tells nothing


def test_inputs_are_the_same_every_time_and_differ() -> None:
    reader = readers()["prompt-json"]
    first = [input_of(reader, 1, number) for number in range(40)]
    assert first == [input_of(reader, 1, number) for number in range(40)]
    assert len({str(one) for one in first}) > 35
    assert first != [input_of(reader, 2, number) for number in range(40)]


# ---- that a fault is found -------------------------------------------------------------------------------------------

QUICK = Limits(processor=10.0, wall=3.0, kill=5.0, memory=60 * 2**20, space=400 * 2**20)
BUSY = Limits(processor=0.3, wall=60.0, kill=90.0)
GIVEN = Input({"given.txt": b"first line\nsecond line " + b"x" * 700, "fifo": Special.FIFO}, ("one",))


def _outcome(
    read: Callable[[Path, Arguments], object], limits: Limits = QUICK, *, is_command: bool = False
) -> tuple[str, str]:
    with Worker(Reader("broken", [GIVEN], read, is_command), limits) as worker:
        outcome = worker.read(GIVEN)
    return outcome.kind, outcome.sign


def _says(message: str) -> Callable[[Path, Arguments], object]:
    def read(folder: Path, arguments: Arguments) -> None:
        raise IcldiagError(message)

    return read


def _index(folder: Path, arguments: Arguments) -> None:
    [][1]


def _swallow(folder: Path, arguments: Arguments) -> None:
    while True:
        try:
            time.sleep(5)
        except Exception:
            continue


def _count(folder: Path, arguments: Arguments) -> None:
    while True:
        pass


def _in_c(folder: Path, arguments: Arguments) -> None:
    deque(repeat(None), maxlen=0)


def _wait(folder: Path, arguments: Arguments) -> None:
    (folder / "fifo").read_bytes()


def _stdin(folder: Path, arguments: Arguments) -> None:
    sys.stdin.read()


def _grow(folder: Path, arguments: Arguments) -> None:
    assert len(b"x" * 150_000_000)


def _endless(folder: Path, arguments: Arguments) -> None:
    Path("/dev/zero").read_bytes()


def _die(folder: Path, arguments: Arguments) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("read", "sign"),
    [
        (_index, "IndexError in fuzz/test_fuzz.py:_index"),
        (_swallow, "hang (seconds of the wall) in fuzz/test_fuzz.py:_swallow"),
        (_wait, "hang (seconds of the wall) in fuzz/test_fuzz.py:_wait"),
        (_stdin, "hang (seconds of the wall) in fuzz/test_fuzz.py:_stdin"),
        (_in_c, "hang in C, in fuzz/test_fuzz.py:_in_c"),
        (_grow, "memory"),
        (_endless, "MemoryError in fuzz/test_fuzz.py:_endless"),
        (_die, "process ended, exit code -11"),
        (lambda folder, arguments: print("a library speaks"), "output: a library speaks"),
        (lambda folder, arguments: print("\x1b[31m", file=sys.stderr), "output: ^[[#m"),
        (_says(""), "message empty"),
        (_says("one\ntwo"), "message of several lines"),
        (_says("a\x1b[31mb"), "message with invisible characters"),
        (_says("so " * 300), "message too long"),
        (_says("this is wrong: " + "x" * 120), "message quotes too much"),
        (_says("cannot use <class 'int'>"), "message with innards"),
    ],
)
def test_a_broken_reader_is_found_out(read: Callable[[Path, Arguments], object], sign: str) -> None:
    kind, found = _outcome(read)
    assert kind == "fault"
    assert found.startswith(sign)


def test_a_reader_that_counts_for_ever_is_found_out() -> None:
    assert _outcome(_count, BUSY) == ("fault", "hang (seconds of the processor) in fuzz/test_fuzz.py:_count")


def test_after_a_death_the_next_input_is_read() -> None:
    def read(folder: Path, arguments: Arguments) -> None:
        if arguments:
            os._exit(3)

    with Worker(Reader("broken", [GIVEN], read), QUICK) as worker:
        assert [worker.read(given).kind for given in (GIVEN, Input(), GIVEN, Input())] == ["fault", "value"] * 2


def _ends(code: object, out: str = "", told: str = "") -> Callable[[Path, Arguments], object]:
    def read(folder: Path, arguments: Arguments) -> object:
        print(out)
        print(told, file=sys.stderr)
        return code

    return read


@pytest.mark.parametrize(
    ("read", "sign"),
    [
        (_ends(5, told="icldiag: wrong"), "exit code 5"),
        (_ends(1), "stderr ends without a sentence"),
        (_ends(1, told="Traceback (most recent call last):"), "stderr has a traceback"),
        (_ends(0, out="\x1b[2J"), "stdout has ^["),
        (_ends(2, told="icldiag: " + "so " * 300), "message too long"),
    ],
)
def test_a_broken_command_is_found_out(read: Callable[[Path, Arguments], object], sign: str) -> None:
    kind, found = _outcome(read, is_command=True)
    assert kind == "fault"
    assert found.startswith(sign)


def test_a_good_reader_is_not() -> None:
    assert _outcome(lambda folder, arguments: (folder / "given.txt").read_bytes()) == ("value", "")
    assert _outcome(_says("given.txt:2: this is wrong; write another")) == ("told", "")
    assert _outcome(_ends(2, told="icldiag: this is wrong"), is_command=True) == ("told", "")
    assert _outcome(_ends(0, out="written\n"), is_command=True) == ("value", "")


def test_a_fault_is_made_small_and_saved(tmp_path: Path) -> None:
    def read(folder: Path, arguments: Arguments) -> None:
        if b"!" in (folder / "given.txt").read_bytes():
            raise KeyError("!")

    reader = Reader("broken", [Input({"given.txt": b"text " * 200 + b"!" + b" more" * 200})], read)
    tally = run(reader, 0, numbers(0, 3), QUICK)
    (fault,) = tally.faults.values()
    assert fault.given.files == {"given.txt": b"!"}
    assert 1 <= tally.faulty <= tally.inputs == 3
    place = save(fault, reader, 0, tmp_path)
    assert (place / "given.txt").read_bytes() == b"!"
    assert "KeyError" in (place / "FAULT.txt").read_text()
    with Worker(reader, QUICK) as worker:
        assert smaller(worker, fault.given, fault.outcome) == fault.given
