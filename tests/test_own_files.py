"""What icldiag writes for itself: damage is found, and what killed processes leave is swept up, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from icldiag.own_files import drop_lock, is_locked, is_whole, read_own, sealed, sweep_up, take_lock, writing
from tests.patience import LONG

NAMES = r"[a-z]+\.json"
DEAD = ".a.json.0123abcd.icldiag-tmp"


def test_sealed_json_is_json_and_no_byte_of_it_can_change() -> None:
    content = sealed('{\n "a": "b",\n "n": [1.5, 2]\n}').encode()
    assert content.startswith(b'{\n "a": "b",\n "n": [1.5, 2],\n "sha256": "')
    assert is_whole(content)
    for place in range(len(content)):
        for altered in {0, 255, content[place] ^ 1, content[place] ^ 0x80} - {content[place]}:
            assert not is_whole(content[:place] + bytes([altered]) + content[place + 1 :])
        assert not is_whole(content[:place])
    assert not is_whole(b'{"a": "b"}')


def test_only_regular_files_within_the_limit_are_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    assert read_own(file, 100) == b"x" * 100
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path, words in (
        (file, "larger than"),
        (tmp_path / "pipe", "regular"),
        (tmp_path / "link", "regular"),
        (tmp_path, "regular|directory"),
    ):
        with pytest.raises(OSError, match=words):
            read_own(path, 99)


def test_only_what_is_surely_left_behind_is_swept(tmp_path: Path) -> None:
    kept = [
        "a.json",
        ".a.json",
        ".a.txt.0123abcd.icldiag-tmp",  # another program's, or the user's
        ".A.json.0123abcd.icldiag-tmp",
        "a.json.0123abcd.icldiag-tmp",
        ".b.json.tmpabc_d",  # as an earlier icldiag named them: it may still be writing
    ]
    for name in (*kept, DEAD, ".a.json.tmpabc_d"):
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / ".a.json.tmpabc_d", (1, 1))
    (tmp_path / ".c.json.0123abcd.icldiag-tmp").symlink_to(tmp_path / "a.json")
    (tmp_path / ".d.json.0123abcd.icldiag-tmp").mkdir()
    sweep_up(tmp_path, NAMES)
    others = [".c.json.0123abcd.icldiag-tmp", ".d.json.0123abcd.icldiag-tmp"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, *others])
    sweep_up(tmp_path / "missing", NAMES)
    sweep_up(tmp_path / "a.json", NAMES)


def test_nothing_is_swept_while_somebody_writes(tmp_path: Path) -> None:
    (tmp_path / DEAD).write_text("half")
    with writing(tmp_path), writing(tmp_path):
        sweep_up(tmp_path, NAMES)
        assert (tmp_path / DEAD).exists()
    sweep_up(tmp_path, NAMES)
    assert not (tmp_path / DEAD).exists()


def test_without_locks_only_old_files_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in (None, _NoLocks):
        monkeypatch.setattr("icldiag.own_files.fcntl", missing)
        (tmp_path / DEAD).write_text("half")
        sweep_up(tmp_path, NAMES)
        assert (tmp_path / DEAD).exists()
        os.utime(tmp_path / DEAD, (1, 1))
        sweep_up(tmp_path, NAMES)
        assert not (tmp_path / DEAD).exists()
        lock = take_lock(tmp_path / "lock")
        assert lock is not None
        assert not is_locked(tmp_path / "lock")
        drop_lock(lock, tmp_path / "lock")


class _NoLocks:
    LOCK_SH = LOCK_EX = LOCK_NB = 0

    @staticmethod
    def flock(*arguments: object) -> None:
        raise OSError(37, "No locks available")


def test_a_lock_is_one_process_s_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    lock = take_lock(path)
    assert lock is not None
    assert is_locked(path)
    assert take_lock(path) is None
    drop_lock(lock, path)
    assert not path.exists()


def test_a_lock_has_one_holder_however_often_it_is_taken_and_dropped(tmp_path: Path) -> None:
    path, holders, most, taken, ended = tmp_path / "lock", 0, 0, 0, time.monotonic() + LONG
    guard = threading.Lock()

    def work() -> None:
        nonlocal holders, most, taken
        while taken < 300 and time.monotonic() < ended:
            lock = take_lock(path)
            if lock is None:
                continue
            with guard:
                holders, taken = holders + 1, taken + 1
                most = max(most, holders)
            time.sleep(0.0005)
            with guard:
                holders -= 1
            drop_lock(lock, path)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


# ---- kills ----------------------------------------------------------------------------------------------------------

_KILLS = 25
_KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example, Label, Prompt

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
text = "x" * 300_000
example = Example(text, 0)
prompt = Prompt("p", "{text} {label}", "", (Label("a", "a"),), (example,), (example,))

def begin():
    "What the next start does."

SUBJECT

left = 0
chance = random.Random(0)
write(0)
turn = 0
while turn < kills or (not left and turn < 40 * kills):  # until one was killed while it wrote
    turn += 1
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            begin()
            os.write(told, b".")
            number = 0
            while True:
                write(number := 1 - number)
        finally:
            os._exit(1)
    os.read(heard, 1)
    os.close(heard), os.close(told)
    time.sleep(chance.uniform(0, 0.01))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert read() in (0, 1)
    left += litter()
    begin()
    assert not litter(), os.listdir(folder)
    assert read() in (0, 1)
print(left)
"""

_LITTER = """
def litter():
    return sum(path.name.endswith((".icldiag-tmp", ".lock")) for path in folder.rglob("*"))
"""

_SUBJECTS = {
    "store": """
from icldiag.store import Store, open_store
os.environ["ICLDIAG_CACHE"] = str(folder)
store = Store(folder, "model", prompt)
def write(number): store.put("it", (number, text))
def read(): number, found = store.get("it"); assert found == text; return number
def begin(): open_store(prompt, ModelSettings("a/b"))
""",
    "session": """
from icldiag.session_file import SavedSession, SavedState, SessionFile, prune, session_files
def session(number):
    now = SavedState(prompt=prompt, query=number)
    return SavedSession(prompt_file=Path("p"), model=ModelSettings(), panel="why", now=now)
file = SessionFile.new("p", folder)
file.write(session(0))
file.close()
def write(number):
    mine = SessionFile(file.id, folder)
    mine.take()
    mine.write(session(number))
    mine.close()
def read(): return session_files(folder)[0].read().now.query
def begin(): prune(folder)
""",
    "sweep": """
from icldiag.sweeps.cells import Cell
from icldiag.sweeps.fields import SweepSettings
from icldiag.sweeps.results import Result, Results
cell = Cell(ModelSettings("a/b"), "t", (1,), 0, "prediction", prompt, SweepSettings())
results = Results(folder)
results.make_folder()
def write(number): results.put(cell, Result({"number": number, "text": text}, 0.5, {}))
def read(): found = results.get(cell).values; assert found["text"] == text; return found["number"]
def begin(): results.make_folder()
""",
}


@pytest.mark.parametrize("subject", _SUBJECTS)
def test_a_killed_writer_leaves_the_old_or_the_new_file_and_the_next_start_no_litter(
    subject: str, tmp_path: Path
) -> None:
    script = _KILLED.replace("SUBJECT", _SUBJECTS[subject] + _LITTER)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "own"), str(_KILLS)], capture_output=True, text=True, timeout=600
    )
    assert done.stderr == ""
    assert int(done.stdout) > 0  # else nothing was swept


def test_a_start_never_takes_a_running_writer_s_file_away(tmp_path: Path) -> None:
    """One process writes without a pause while others start; every write must succeed."""
    script = """
import sys, time
from pathlib import Path
from icldiag.files import replace_whole
from icldiag.own_files import writing
folder, end = Path(sys.argv[1]), time.monotonic() + 1.0
while True:
    with writing(folder):
        replace_whole(b"x" * 100_000, folder / "a.json")
    if time.monotonic() > end:
        break
"""
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stderr=subprocess.PIPE, text=True) as writer:
        while writer.poll() is None:
            sweep_up(tmp_path, NAMES)
        assert writer.stderr is not None
        assert writer.stderr.read() == ""
    assert writer.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
