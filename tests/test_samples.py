"""Samples and documentation are at hand wherever icldiag is installed: by name, and as copies."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import icldiag
from icldiag import cli, manual
from icldiag.commands import COMMANDS
from icldiag.errors import IcldiagError, PromptError
from icldiag.prompt.read import read_prompt
from icldiag.samples import copy_samples, file_or_sample, sample_names, sample_path, samples_folder

PACKAGE = Path(icldiag.__file__).parent


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, int]:
    monkeypatch.setattr(sys, "argv", ["icldiag", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return out, err, int(ended.value.code or 0)


def test_a_sample_is_taken_by_name_where_there_is_no_such_file() -> None:
    assert file_or_sample(Path("sentiment")) == sample_path("sentiment")
    assert read_prompt("sentiment") == read_prompt(sample_path("sentiment"))
    assert icldiag.Session("sentiment", "bundled").prompt.name == "sentiment-2shot"
    Path("sentiment").write_text("mine")
    assert file_or_sample(Path("sentiment")) == Path("sentiment")


@pytest.mark.parametrize("given", ["sentiment.yaml", "./x/sentiment", "..", "-", "a\0b.yaml", "x" * 5000 + ".yaml"])
def test_what_is_no_bare_name_is_a_path(given: str) -> None:
    assert file_or_sample(Path(given)) == Path(given)


@pytest.mark.parametrize(
    ("given", "close"), [("sentimint", r"did you mean 'sentiment'\? "), ("a\0b", ""), ("x" * 5000, ""), ("README", "")]
)
def test_a_name_of_neither_is_told_the_samples(given: str, close: str) -> None:
    with pytest.raises(
        PromptError, match=rf"no such file or sample; {close}check the path, or choose from assistant, banking,"
    ):
        file_or_sample(Path(given))


def test_commands_take_the_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code = said(["check", "news"], monkeypatch, capsys)
    assert (code, "a valid prompt" in out) == (0, True)
    _, err, code = said(["test", "nws", "--min-accuracy", "0"], monkeypatch, capsys)
    assert (code, err.startswith("icldiag: nws: there is no such file or sample")) == (2, True)


def test_the_samples_are_listed_with_what_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _, code = said(["samples"], monkeypatch, capsys)
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (code, sorted(lines)) == (0, sample_names())
    assert lines["sentiment"].startswith("Is a film review positive or negative?")


def test_copies_can_be_changed_and_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "samples"
    assert said(["samples", "-o", str(folder)], monkeypatch, capsys)[2] == 0
    names = {path.relative_to(samples_folder()) for path in samples_folder().rglob("*")}
    assert {path.relative_to(folder) for path in folder.rglob("*")} == names
    assert read_prompt(folder / "banking.yaml").queries == read_prompt("banking").queries
    (folder / "banking.yaml").write_text("mine")
    for again in (folder, Path("-"), folder / "banking.yaml", Path("a\0b")):
        with pytest.raises(IcldiagError, match=r"; (choose|name) a"):
            copy_samples(again)
    assert (folder / "banking.yaml").read_text() == "mine"


def test_pages_are_listed_and_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out, _, _ = said(["docs"], monkeypatch, capsys)
    assert [line.split()[0] for line in out.splitlines()] == list(manual.manual_pages())
    out, _, _ = said(["docs", "sweeps"], monkeypatch, capsys)
    assert out == manual.manual_pages()["sweeps"].read_text(encoding="utf-8")
    _, err, code = said(["docs", "sweep"], monkeypatch, capsys)
    assert (
        code,
        err.startswith("icldiag: there is no page 'sweep'; did you mean 'sweeps'? there are architectures, benchmarks"),
    ) == (2, True)


def test_a_terminal_shows_a_page_formatted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out, _, _ = said(["docs", "install"], monkeypatch, capsys)
    assert "Install" in out
    assert "# Install" not in out


def test_no_command_is_cut_short_in_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out, _, _ = said(["--help"], monkeypatch, capsys)
    listed = out.partition("Commands:\n")[2]
    assert all(f"\n  {name} " in f"\n{listed}" for name in COMMANDS)
    assert "..." not in listed


def test_messages_point_to_pages_that_there_are() -> None:
    pages, found = manual.manual_pages(), set()
    for path in PACKAGE.rglob("*.py"):
        found |= set(re.findall(r"icldiag docs (\w+)", path.read_text(encoding="utf-8")))
    assert {"glossary", "sweeps", "architectures"} <= found - {"shows"} <= set(pages)
    assert "docs" in COMMANDS
