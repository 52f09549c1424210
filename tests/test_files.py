"""What stands at the place of a file that icldiag writes is never harmed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from icldiag import files
from icldiag.errors import IcldiagError
from icldiag.files import TEMPORARY, check_destination, free_path, is_taken, replace_whole, write_document, write_whole


def test_a_new_file_has_the_users_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole("new é", tmp_path / "new.md")
    finally:
        os.umask(before)
    assert (tmp_path / "new.md").read_text(encoding="utf-8") == "new é"
    assert stat.S_IMODE((tmp_path / "new.md").stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["new.md"]


def test_a_file_that_is_there_keeps_mode_owner_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old")
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 23456)
    with_attribute = True
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        with_attribute = False
    before = path.stat()
    write_whole("new", path)
    after = path.stat()
    assert path.read_text() == "new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_mtime_ns >= before.st_mtime_ns
    assert not with_attribute or os.getxattr(path, "user.note") == b"mine"


def test_links_are_followed_and_stay_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "report.md"
    target.write_text("old")
    link, dangling = tmp_path / "link.md", tmp_path / "dangling.md"
    link.symlink_to(target)
    dangling.symlink_to(Path("real") / "later.md")
    write_whole("new", link)
    write_whole("later", dangling)
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert target.read_text() == "new"
    assert (tmp_path / "real" / "later.md").read_text() == "later"


def test_other_names_of_a_file_see_the_new_content(tmp_path: Path) -> None:
    path, other = tmp_path / "a.md", tmp_path / "b.md"
    path.write_text("old and longer")
    other.hardlink_to(path)
    write_whole("new", path)
    assert other.read_text() == "new"


def test_a_device_is_written_to_and_stays_one(tmp_path: Path) -> None:
    write_whole("gone", Path(os.devnull))
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write_whole("gone", link)
    assert link.is_symlink()
    with pytest.raises(IcldiagError, match="cannot write '/dev/full': No space left on device"):
        write_whole("much", Path("/dev/full"))


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    content = "line\n" * 50_000  # more than a pipe holds
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_whole(content, pipe)
    reader.join(10)
    assert read == [content]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_that_nobody_reads_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "_READER_SECONDS", 0.2)
    with pytest.raises(IcldiagError, match="nobody reads this pipe"):
        write_whole("x", tmp_path / "pipe")


def test_a_socket_and_a_folder_are_refused(tmp_path: Path) -> None:
    import socket

    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        with pytest.raises(IcldiagError, match="it is a socket"):
            write_whole("x", place)
    with pytest.raises(IcldiagError, match=r"it is a folder; choose another place"):
        write_whole("x", tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everything")
def test_a_protected_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "kept.md"
    path.write_text("kept")
    path.chmod(0o400)
    with pytest.raises(IcldiagError, match="write-protected"):
        write_whole("x", path)
    assert path.read_text() == "kept"


def test_a_file_in_a_protected_folder_is_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "there.md"
    path.write_text("old and longer")
    inode = path.stat().st_ino

    def refuse(*arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "_replace", refuse)
    write_whole("new", path)
    assert (path.read_text(), path.stat().st_ino) == ("new", inode)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "there.md"
    path.write_text("old")

    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_all", full)
    with pytest.raises(IcldiagError, match="No space left on device"):
        write_whole("new", path)
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["there.md"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("none/x.md", "there is no such folder"), ("a\0b", "null"), ("x" * 300, "name too long"), ("f/x", "Not a dir")],
)
def test_what_cannot_be_written_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "f").write_text("a file")
    with pytest.raises(IcldiagError, match=words):
        write_whole("x", tmp_path / name)


def test_a_name_of_the_longest_length_can_be_written(tmp_path: Path) -> None:
    for name in ("n" * 255, "é" * 127):
        write_whole("x", tmp_path / name)
        replace_whole("y", tmp_path / name)
        assert (tmp_path / name).read_text() == "y"
    assert not list(tmp_path.glob(f".*{TEMPORARY}"))


def test_what_is_no_character_is_written_as_an_escape(tmp_path: Path) -> None:
    write_whole("name \udcff", tmp_path / "x")
    assert (tmp_path / "x").read_text() == "name \\udcff"


def test_free_names_pass_over_dangling_links(tmp_path: Path) -> None:
    (tmp_path / "r.md").symlink_to("nowhere")
    assert free_path(tmp_path / "r.md") == tmp_path / "r-2.md"


def test_where_nothing_can_be_written_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file.txt"
    file.write_text("kept")
    for place in (None, Path("-"), file, tmp_path / "new.txt", Path("/dev/null")):
        check_destination(place)
    for place in (tmp_path, tmp_path / "new", tmp_path / "new" / "deep"):
        check_destination(place, folder=True)
    for place, folder, words in [
        (tmp_path, False, "it is a folder; choose another place"),
        (tmp_path / "no" / "x", False, "there is no such folder; make it, or choose another place"),
        (tmp_path / "a\0b" / "x", False, "there is no such folder; make it, or choose another place"),
        (file, True, "it is a file; choose another place"),
        (file / "x" / "y", True, "is a file; choose another place"),
    ]:
        with pytest.raises(IcldiagError) as caught:
            check_destination(place, folder=folder)
        assert words in str(caught.value)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(IcldiagError, match="it is write-protected; choose another place"):
        check_destination(file)
    assert file.read_text() == "kept"


def test_only_a_regular_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    (tmp_path / "link").symlink_to("there")
    assert is_taken(tmp_path / "there")
    assert is_taken(tmp_path / "link")
    assert not any(map(is_taken, (tmp_path, tmp_path / "none", Path(os.devnull), Path("a\0b"))))


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-", None])
def test_standard_output_is_appended_to(tmp_path: Path, place: str | None) -> None:
    target = tmp_path / "out.txt"
    target.write_text("before\n")
    code = (
        "import sys; from pathlib import Path; from icldiag.files import *\n"
        "print('printed'); place = None if sys.argv[1] == 'None' else Path(sys.argv[1])\n"
        "write_document('written é\\n', place)\nprint('after')"
    )
    with target.open("a") as out:
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        subprocess.run([sys.executable, "-c", code, str(place)], stdout=out, check=True, env=environment)
    assert target.read_text(encoding="utf-8") == "before\nprinted\nwritten é\nafter\n"


def test_a_document_for_a_closed_stdout_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(IcldiagError, match="standard output is closed; name a file with -o"):
        write_document("x", None)


def test_a_link_to_a_file_that_is_not_there_yet_may_be_written(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "later.txt")
    check_destination(link)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(IcldiagError, match="its links go round in a circle; choose another place"):
        check_destination(loop)
    gone = tmp_path / "gone"
    gone.symlink_to(tmp_path / "no" / "file.txt")
    with pytest.raises(IcldiagError, match="there is no such folder"):
        check_destination(gone)
