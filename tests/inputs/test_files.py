"""What is opened to be read: regular files of a bearable size, and nothing that waits, never ends or does not exist."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from icldiag.config import ConfigError, read_config
from icldiag.errors import InputError, PromptError
from icldiag.inputs.files import (
    SETTING,
    Unreadable,
    is_file,
    is_folder,
    is_there,
    open_file,
    read_bytes,
    read_standard_input,
    read_text,
)
from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.lm_eval.convert import import_log
from icldiag.prompt.lm_eval.results import read_task
from icldiag.prompt.read import read_prompt
from icldiag.prompt.source import read_document, read_rows
from icldiag.prompt.tables import read_table
from icldiag.report.read import read_report
from icldiag.session_file import SessionError, SessionFile
from icldiag.sweeps.plan import read_plan

READERS: dict[str, Callable[[Path], object]] = {
    "prompt.yaml": read_prompt,
    "prompt.json": read_prompt,
    "samples.jsonl": read_prompt,
    "document.yaml": read_document,
    "rows.jsonl": lambda path: list(read_rows(path)),
    "table.csv": read_table,
    "table.jsonl": read_table,
    "log.jsonl": import_log,
    "results.json": lambda path: read_task(path, path),
    "saved.json": read_few_shot,
    "config.toml": read_config,
    "report.json": read_report,
    "sweep.yaml": read_plan,
    "session.json": lambda path: SessionFile(path.stem, path.parent).read(),
}


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    place = socket.socket(socket.AF_UNIX)
    before = Path.cwd()
    try:
        os.chdir(path.parent)  # the path of a socket is short
        place.bind(path.name)
    finally:
        os.chdir(before)
        place.close()


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 2**30)  # takes no room


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (make_pipe, "it is a pipe; save its content to a file"),
    "socket": (make_socket, "it is a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "loop": (
        lambda path: path.symlink_to(path.name),
        r"links; its links go round in a circle: name the file|links\); fix or remove it|links; name a report made",
    ),
    "folder": (lambda path: path.mkdir(), "folder|directory|load"),
    "huge": (make_huge, f"it has 20,480 MiB, and files of at most 256 MiB are read; {SETTING}=20480 reads it"),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_what_is_no_file_to_read(name: str, kind: str, tmp_path: Path) -> None:
    make, words = ODD[kind]
    make(tmp_path / name)
    if name == "config.toml" and kind == "huge":
        words = "files of at most 0.0625 MiB are read"
    with pytest.raises(InputError, match=words) as caught:
        READERS[name](tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "y/" * 3000, "\ud800", "~nosuch/x", "no/such"])
def test_no_path_is_too_odd(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert not (is_there(path) or is_file(path) or is_folder(path))
    with pytest.raises(OSError, match=r".") as caught:
        open_file(path)
    assert caught.value.strerror
    for reader in READERS.values():
        if reader is not read_config:  # no settings are the usual ones
            with pytest.raises((InputError, SessionError)) as told:
                reader(path)
            assert len(str(told.value)) < 1200


def test_a_file_that_grows_is_read_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 5000)
    assert read_bytes(path, 5000) == b"x" * 5000
    with pytest.raises(Unreadable):
        read_bytes(path, 4999)
    with pytest.raises(Unreadable):  # says that it is empty, and is not
        read_bytes(Path("/proc/self/maps"), 10)


def test_a_setting_lifts_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * (2**20 + 1))
    monkeypatch.setenv(SETTING, "1")
    with pytest.raises(PromptError, match=f"it has 2 MiB, and files of at most 1 MiB are read; {SETTING}=2"):
        read_text(path)
    monkeypatch.setenv(SETTING, "2")
    assert len(read_text(path)) == 2**20 + 1
    for wrong in ("", "-1", "many", "9" * 400):
        monkeypatch.setenv(SETTING, wrong)
        with pytest.raises(PromptError, match=f"{SETTING} must be a whole number of MiB"):
            read_text(path)


def test_standard_input_has_the_same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(content: bytes) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return read_standard_input()

    assert read("\ufeffé\n".encode()) == "é\n"
    with pytest.raises(PromptError, match="stdin:2: not UTF-8 text"):
        read(b"a\nb\xff")
    monkeypatch.setenv(SETTING, "1")
    with pytest.raises(PromptError, match=f"stdin cannot be read: there are more than 1 MiB, .*; {SETTING}=2"):
        read(b"x" * (2**20 + 1))


def test_a_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("")
    path.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    with pytest.raises(ConfigError, match="Permission denied"):
        read_config(path)


PROMPT = """\
template: "{{text}} ={{label}}"
labels: [a, b]
demonstrations: {demonstrations}
queries: [{{text: x}}]
{more}
"""


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ('"a\\0.csv"', "cannot hold the character NUL"),
        ("x" * 300 + ".csv", "File name too long"),
        ("pipe.csv", "it is a pipe"),
        ("zero.csv", "it is a device"),
        ("none.csv", "there is no file"),
        ("pipe.csv/x.csv", "Not a directory"),
    ],
)
def test_a_file_that_a_prompt_names_is_told_with_the_line_that_names_it(named: str, words: str, tmp_path: Path) -> None:
    make_pipe(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    path = tmp_path / "p.yaml"
    for line, text in (
        (3, PROMPT.format(demonstrations=f"{{file: {named}}}", more="")),
        (5, PROMPT.format(demonstrations="[{text: x, label: a}]", more=f"beta: {named}")),
    ):
        path.write_text(text)
        with pytest.raises(PromptError) as caught:
            read_prompt(path)
        assert caught.value.line == line
        assert words.replace("there is no file", "no file" if line == 3 else "No such file") in str(caught.value)
        assert len(str(caught.value)) < 400


def test_a_datasets_folder_holds_regular_files(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    make_pipe(tmp_path / "dataset_info.json")
    with pytest.raises(PromptError, match="it is a pipe"):
        read_table(tmp_path)
