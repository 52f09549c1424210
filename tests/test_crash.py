"""A crash file says where, and holds no text of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag import cli
from icldiag.crash import KEPT, crash_folder, last_words, write_crash
from icldiag.prompt.read import read_prompt
from tests.tui.pilot import PROMPT

SECRET = "my account number is 4711"


def failing(text: str) -> None:
    """Raises out of icldiag's own code, with the user's text in the message and in a variable."""
    try:
        read_prompt(text)
    except Exception as error:
        raise KeyError(text) from error


def test_types_and_places_and_no_text(tmp_path: Path) -> None:
    try:
        failing(SECRET + "\0")
    except KeyError as error:
        path = write_crash(error, {"prompt": "abc123", "queries": 7})
    assert path is not None
    text = path.read_text()
    assert "builtins.KeyError" in text
    assert "icldiag/prompt/read.py:" in text
    assert " read_prompt" in text
    assert "prompt: abc123\nqueries: 7\n" in text
    assert "4711" not in text
    assert str(tmp_path) not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_fault_is_one_file_and_few_are_kept() -> None:
    for number in range(KEPT + 5):
        for _ in range(2):
            write_crash(type(f"Fault{number}", (Exception,), {})(SECRET))
    assert len(list(crash_folder().glob("*"))) == KEPT


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ICLDIAG_STATE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    assert write_crash(ValueError(SECRET)) is None
    assert "no file about it could be written" in last_words(ValueError(SECRET))


def test_the_command_line_says_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError(SECRET)

    path = tmp_path / "prompt.yaml"
    path.write_text(PROMPT)
    monkeypatch.setattr("icldiag.prompt.read.read_document", broken)
    monkeypatch.setattr("sys.argv", ["icldiag", "check", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("icldiag: something went wrong that was not foreseen (ZeroDivisionError)")
    (file,) = crash_folder().iterdir()
    assert str(file) in said
    assert SECRET not in said + file.read_text()
