"""The sessions on disk: found, listed, the oldest removed."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.model.settings import ModelSettings
from icldiag.session_file import (
    SavedSession,
    SessionError,
    SessionFile,
    find_session,
    prune,
    session_files,
    state_folder,
)
from tests.test_session_file import saved
from tests.test_session_file import session as session


def test_the_oldest_go_but_never_an_open_one(session: SavedSession) -> None:
    files = [saved(session, f"p{number}") for number in range(5)]
    for number, file in enumerate(files):
        os.utime(file.path, (number, number))
        if number != 0:
            file.close()
    left_behind = files[0].folder / ".p1-aaaa.json.tmp123"
    left_behind.write_text("half")
    os.utime(left_behind, (1, 1))
    prune(files[0].folder, kept=2)
    assert [file.id for file in session_files()] == [files[4].id, files[3].id, files[0].id]
    assert not left_behind.exists()


def test_it_is_found_by_number_id_or_beginning(session: SavedSession) -> None:
    first, second = saved(session, "alpha"), saved(session, "beta")
    os.utime(first.path, (1, 1))
    assert find_session("1") == SessionFile(second.id, second.folder)
    assert find_session("2").id == find_session("alp").id == find_session(first.id).id == first.id
    third = saved(session, "alpine")
    with pytest.raises(SessionError, match="2 sessions begin with 'al'"):
        find_session("al")
    for nothing in ("gamma", "", " "):  # as of a shell's variable that is not set
        with pytest.raises(SessionError, match="resume --list"):
            find_session(nothing)
    assert third.id.startswith("alpine-")


def test_resume_says_so_when_there_is_none_and_lists_several(session: SavedSession) -> None:
    run = CliRunner().invoke
    result = run(app, ["resume"])
    assert isinstance(result.exception, SessionError)
    assert "there is no saved session" in str(result.exception)
    files = [saved(session, name) for name in ("alpha", "beta")]
    (state_folder() / "gamma-0000.json").write_text("{")
    for arguments in (["resume"], ["resume", "--list"]):
        result = run(app, arguments, env={"COLUMNS": "200"})
        assert result.exit_code == 0
        for words in (
            files[0].id,
            files[1].id,
            "a/model",
            "query 3, flow, edited, cut 0, 3, re-weighted, pinned, open now",
        ):
            assert words in result.output
        assert "broken" in result.output


def test_the_list_has_a_line_of_80_columns_for_each_of_the_latest(session: SavedSession) -> None:
    model = ModelSettings("an-organisation/a-model-with-a-long-name-7B-Instruct")
    long = session.model_copy(update={"model": model})
    latest = [saved(long, f"a-prompt-with-a-long-name-{n}") for n in range(12)][::-1]
    for arguments, shown, ends in ((["--list"], 10, 2), (["--all"], 12, 1)):
        lines = CliRunner().invoke(app, ["resume", *arguments], env={"COLUMNS": "80"}).output.splitlines()
        assert max(map(len, lines)) <= 80
        assert len(lines) == 1 + shown + ends
        for number, (line, file) in enumerate(zip(lines[1:], latest[:shown], strict=False), start=1):
            assert line.split()[0] == str(number)
            assert file.id[:25] in line
    assert "2 earlier ones: icldiag resume --all" in CliRunner().invoke(app, ["resume"]).output
