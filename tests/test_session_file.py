"""Saved sessions: read back as written, refused in one sentence where broken, never shared by two instances."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.model.settings import ModelSettings
from icldiag.own_files import sealed
from icldiag.prompt.edit import drop
from icldiag.prompt.schema import Prompt
from icldiag.session_file import (
    SavedSession,
    SavedState,
    SessionError,
    SessionFile,
    find_session,
    prune,
    session_files,
    state_folder,
)


@pytest.fixture
def session(prompt: Prompt) -> SavedSession:
    now = SavedState(
        prompt=prompt, undo=(drop(prompt, 0),), query=2, cut_layers=(0, 3), beta={"epochs": 2, "patience": None}
    )
    views: dict[str, Any] = {"flow": {"at_layer": 3, "everyone": True}, "prompt": {"detail": "positions"}}
    return SavedSession(
        prompt_file=Path("/somewhere/prompt.yaml"),
        model=ModelSettings("a/model", dtype="bfloat16"),
        panel="flow",
        views=views,
        filter="where",
        now=now,
        pinned=SavedState(prompt=prompt),
    )


def saved(session: SavedSession, stem: str = "prompt") -> SessionFile:
    file = SessionFile.new(stem)
    file.write(session)
    return file


def test_it_is_read_back_as_written_and_people_can_read_it(session: SavedSession) -> None:
    file = saved(session)
    found = file.read()
    assert found == session.model_copy(update={"saved": found.saved})
    assert found.now.prompt.hash == session.now.prompt.hash
    assert '"Who wrote the opera in the park ?"' in file.path.read_text()
    assert file.path.stat().st_mode & 0o077 == 0  # prompts may be private
    assert [path.suffix for path in sorted(file.folder.iterdir())] == [".json", ".lock"]  # nothing half written


def test_prompts_without_demonstrations_or_with_some_of_each_query(session: SavedSession, prompt: Prompt) -> None:
    query = replace(prompt.queries[0], demonstrations=prompt.demonstrations[:2])
    for changed in (replace(prompt, demonstrations=()), replace(prompt, demonstrations=(), queries=(query,))):
        file = saved(session.model_copy(update={"now": SavedState(prompt=changed)}))
        assert file.read().now.prompt == changed
        file.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update(format="icldiag-session/9"), "format"),
        (lambda content: content["now"].update(query=-1), "now.query"),
        (lambda content: content["now"].update(cut_kind="everything"), "now.cut_kind"),
        (lambda content: content["now"]["prompt"]["queries"].clear(), "must not be empty"),
        (lambda content: content["now"]["prompt"]["queries"][0].update(label=99), "label 99 is none of the 3 labels"),
        (lambda content: content["now"]["prompt"].update(template="{label} {text}"), "must come before {label}"),
        (lambda content: content["now"].pop("prompt"), "now.prompt"),
        (lambda content: content.update(nonsense=1), "nonsense"),
        (lambda content: content.update(prompt_file="a\0b"), "prompt_file: Value error, a path cannot hold"),
        (lambda content: content["now"]["prompt"].update(path="a\0b"), "a path cannot hold the character NUL"),
        (lambda content: content.update({"k" * 5000: 1}), "kkk...kkk"),
    ],
)
def test_a_broken_session_is_one_sentence(session: SavedSession, change: Callable[[Any], object], words: str) -> None:
    file = saved(session)
    content = json.loads(file.path.read_text())
    change(content)
    file.path.write_text(json.dumps(content))
    with pytest.raises(SessionError) as caught:
        file.read()
    assert words in str(caught.value)
    assert str(file.path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_file_is_one_sentence(session: SavedSession) -> None:
    file = saved(session)
    file.path.write_bytes(file.path.read_bytes()[:-20])
    with pytest.raises(SessionError, match="broken"):
        file.read()
    result = CliRunner().invoke(app, ["resume"])
    assert isinstance(result.exception, SessionError)


def test_no_altered_byte_is_taken_for_what_the_user_did(session: SavedSession) -> None:
    file, other = saved(session, "a"), saved(session, "b")
    whole = file.path.read_bytes()
    for place in range(0, len(whole), 7):
        file.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(SessionError, match=r"broken|damaged") as caught:
            file.read()
        assert str(file.path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert other.read().now == session.now
    file.path.write_bytes(whole)
    assert file.read().now == session.now


def test_a_session_of_another_version_is_not_called_broken(session: SavedSession) -> None:
    file = saved(session)
    body, _, _ = file.path.read_text().replace("icldiag-session/1", "icldiag-session/9").rpartition(",\n")
    file.path.write_text(sealed(body + "\n}"))
    with pytest.raises(SessionError, match="no session of this version of icldiag; resume it with the version that"):
        file.read()


def test_a_session_changed_by_hand_says_how_to_use_it(session: SavedSession) -> None:
    file = saved(session)
    text = file.path.read_text().replace('"query": 2', '"query": 1')
    file.path.write_text(text)
    with pytest.raises(SessionError, match='or its line "sha256" if you changed it by hand'):
        file.read()
    body, _, _ = text.rpartition(",\n")
    file.path.write_text(body + "\n}")  # also as an earlier icldiag wrote them
    assert file.read().now.query == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('"prompt_file": "a\\u0000b"', "cannot hold the character NUL"),
        ('"filter": "\\ud800"', "broken"),
        ('"views": ' + '{"a":' * 10_000, "broken"),
        ('"views": {"a": {"b": ' + "9" * 5000 + "}}", "broken"),
        (f'"{"k" * 1000}": 1', "k" * 20 + "..."),
    ],
)
def test_what_no_session_holds_is_one_short_sentence(session: SavedSession, content: str, words: str) -> None:
    file = saved(session)
    file.path.write_text(file.path.read_text().rstrip().removesuffix("}") + f", {content}}}")
    with pytest.raises(SessionError) as caught:
        file.read()
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500
    assert session.now.prompt.queries[0].text not in str(caught.value)


def test_what_is_no_file_is_told_and_the_others_are_listed(session: SavedSession) -> None:
    file = saved(session)
    os.mkfifo(state_folder() / "pipe-0000.json")
    (state_folder() / "giant-0000.json").touch()
    os.truncate(state_folder() / "giant-0000.json", 20 * 2**30)
    (state_folder() / "zero-0000.json").symlink_to("/dev/zero")
    (state_folder() / "folder-0000.json").mkdir()
    for name in ("pipe", "giant", "zero", "folder"):
        with pytest.raises(SessionError, match=r"cannot be read \(.*\); fix or remove it"):
            find_session(name).read()
    result = CliRunner().invoke(app, ["resume", "--list"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert file.id in result.output
    prune(state_folder(), kept=0)
    assert not (state_folder() / "pipe-0000.json").exists()
    assert (state_folder() / "folder-0000.json").exists()
    assert file.path.exists()


def test_what_killed_instances_left_is_gone_at_the_next_start(session: SavedSession) -> None:
    open_now, closed = saved(session, "a"), saved(session, "b")
    closed.close()
    folder = closed.folder
    litter = [folder / name for name in (f"{closed.id}.lock", "gone-0000.lock", ".b-0000.json.0123abcd.icldiag-tmp")]
    mine = [folder / name for name in ("notes.lock", "notes.txt", f"{open_now.id}.lock")]
    for path in (*litter, *mine):
        path.touch()
    prune(folder)
    assert [path for path in litter if path.exists()] == []
    assert [path for path in mine if not path.exists()] == []
    assert open_now.is_open
    assert SessionFile(closed.id, folder).take()


_WRITER = """
import sys
from icldiag.session_file import SavedSession, SessionFile
session = SavedSession.model_validate_json(sys.stdin.read())
file = SessionFile.new("prompt")
for query in range(6):
    for _ in range(20):
        now = session.now.model_copy(update={"query": query % 6})
        file.write(session.model_copy(update={"now": now, "filter": sys.argv[1]}))
print(file.id)
"""


def test_two_instances_on_one_prompt_do_not_harm_each_other(session: SavedSession) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, name], stdin=-1, stdout=-1, text=True) for name in "ab"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(session.to_json())
        writer.stdin.close()
    while any(writer.poll() is None for writer in writers):
        for file in session_files():  # whatever the moment, every file is whole
            assert file.read().now.prompt == session.now.prompt
    ids = [writer.stdout.read().strip() for writer in writers if writer.stdout is not None]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len({*ids}) == 2 == len(session_files())
    assert {SessionFile(name, state_folder()).read().filter for name in ids} == {"a", "b"}


def test_an_open_session_is_not_taken(session: SavedSession) -> None:
    file = saved(session)
    other = SessionFile(file.id, file.folder)
    assert other.is_open
    assert not other.take()
    file.close()
    assert not other.is_open
    assert other.take()


def test_reading_the_file_again_is_no_edit(prompt: Prompt) -> None:
    old, new = drop(prompt, 0), prompt
    assert SavedState(prompt=new, undo=(old,), of_file=new.hash).edits == 0  # the file was changed, and read again
    assert SavedState(prompt=new, undo=(old,), of_file=old.hash).edits == 1
    assert SavedState(prompt=old, undo=(old, new), of_file=old.hash).edits == 0  # changed and changed back
    assert SavedState(prompt=new, undo=(old, drop(old, 0)), of_file="none of them").edits == 2
