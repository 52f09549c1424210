"""Damaged and foreign files in the folder of results: never read as results, never written through."""

from __future__ import annotations

import os
import pickle
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import icldiag.store
from icldiag.prompt.schema import Label, Prompt
from icldiag.store import Store
from tests.test_store import _attack, same
from tests.test_store import full as full


def test_no_altered_byte_is_served_as_a_result(full: Prompt, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path, "model", full)
    value = (Label("Person", " Person"), np.arange(6, dtype=np.float32), "words", 0.25)
    store.put("it", value)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(len(whole)):
        for altered in (0, 255, whole[place] ^ 1, whole[place] ^ 0x80):
            if altered == whole[place]:
                continue
            path.write_bytes(whole[:place] + bytes([altered]) + whole[place + 1 :])
            assert store.get("it") is None
            assert not path.exists()  # it is found only once
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert store.get("it") is None
    path.write_bytes(whole + b"\0")
    assert store.get("it") is None
    path.write_bytes(whole)
    assert same(store.get("it"), value)
    path.rename(store._path("another"))  # whole, but another question's answer
    assert store.get("another") is None
    assert capfd.readouterr().err == ""


def test_what_does_not_match_never_reaches_the_unpickler(
    full: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, "model", full)
    store.put("it", 1)
    path = store._path("it")
    whole = path.read_bytes()
    read: list[object] = []
    monkeypatch.setattr("icldiag.store._Reader", read.append)
    for content in (pickle.dumps(1), whole[49:], whole[:-1], whole.replace(b"/1\n", b"/2\n")):
        path.write_bytes(content)
        assert store.get("it") is None
    assert read == []


def test_a_matching_file_still_makes_nothing_but_results(full: Prompt, tmp_path: Path) -> None:
    store, mark = Store(tmp_path / "results", "model", full), tmp_path / "mark"
    path = store._path("it")
    path.parent.mkdir()
    path.write_bytes(icldiag.store._head(path, _attack(mark)) + _attack(mark))
    assert store.get("it") is None
    assert not mark.exists()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _giant(path: Path) -> None:
    path.touch()
    os.truncate(path, 20 * 2**30)


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        _pipe,
        _giant,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to(path.parent / "missing"),
    ],
    ids=["folder", "pipe", "giant", "device", "loop", "dangling"],
)
def test_what_is_no_file_of_ours_is_neither_read_nor_written_through(
    make: Callable[[Path], object], full: Prompt, tmp_path: Path
) -> None:
    store = Store(tmp_path, "model", full)
    path = store._path("it")
    make(path)
    tracemalloc.start()
    began = time.process_time()
    assert store.get("it") is None
    store.put("it", [1, 2])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
    assert time.process_time() - began < 1
    assert not (tmp_path / "missing").exists()
    assert store.get("it") == (None if make is Path.mkdir else [1, 2])
    assert not [*tmp_path.glob("*.icldiag-tmp")]
