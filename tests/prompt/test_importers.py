"""A foreign format is one file and one line, and then it is a command and can be opened."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.commands.imports import import_commands
from icldiag.prompt.importers import MODULES
from icldiag.prompt.read import read_prompt

TOY = '''
"""Pairs, a line each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer
from icldiag.prompt.schema import Example, Label, Prompt


def read(
    pairs: Annotated[Path, typer.Argument(metavar="FILE", help="Lines of text=label.")],
    asked: Annotated[str, typer.Option("--asked", help="The query.")] = "what",
) -> Import:
    """Import pairs."""
    rows = [line.split("=") for line in pairs.read_text().splitlines()[1:]]
    names = sorted({label for _, label in rows})
    demonstrations = tuple(Example(text, names.index(label)) for text, label in rows)
    labels = tuple(Label(name, " " + name) for name in names)
    prompt = Prompt("pairs", "{text}:{label}", "\\n", labels, demonstrations, (Example(asked, None),), path=pairs)
    return Import(prompt, (f"{len(rows)} pairs",), guessed=GUESSED)


GUESSED = False
IMPORTER = Importer(read, guesses=True, recognises=lambda path: path.suffix == ".pairs")
'''


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "toy_pairs.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODULES, "pairs", "toy_pairs")
    monkeypatch.delitem(sys.modules, "toy_pairs", raising=False)
    file = tmp_path / "some.pairs"
    file.write_text("# pairs\nsun=day\nmoon=night\n")
    return file


def command_line() -> typer.Typer:
    app = typer.Typer()
    for name, command in import_commands().items():
        app.command(name)(command)
    return app


def test_it_is_a_command_with_its_own_options_and_those_of_all(pairs: Path, tmp_path: Path) -> None:
    app, run = command_line(), CliRunner().invoke
    told = " ".join(run(app, ["pairs", "--help"]).output.split())
    assert all(words in told for words in ("Import pairs.", "Lines of text=label.", "--asked", "--output", "--yes"))
    output = tmp_path / "made.yaml"
    found = run(app, ["pairs", str(pairs), "--asked", "star", "-o", str(output)])
    assert found.exit_code == 0
    assert "2 pairs" in found.output
    prompt = read_prompt(output)
    assert prompt.label_names == ("day", "night")
    assert [query.text for query in prompt.queries] == ["star"]


def test_a_guess_is_confirmed(pairs: Path, tmp_path: Path) -> None:
    import toy_pairs  # type: ignore[import-not-found]

    toy_pairs.GUESSED = True
    app, run, output = command_line(), CliRunner().invoke, tmp_path / "made.yaml"
    assert "repeat the command with --yes" in str(run(app, ["pairs", str(pairs), "-o", str(output)]).exception)
    assert not output.exists()
    assert run(app, ["pairs", str(pairs), "-o", str(output), "--yes"]).exit_code == 0


def test_it_is_opened_as_a_prompt(pairs: Path) -> None:
    assert read_prompt(pairs).template == "{text}:{label}"
    other = pairs.with_suffix(".csv")
    other.write_text(pairs.read_text())
    with pytest.raises(Exception, match="a data file is no prompt"):
        read_prompt(other)


@pytest.mark.parametrize(
    ("words", "scoring"),
    [(("card", "card payment"), "terminated"), (("card fee", "card lost"), "whole"), (("fee", "lost"), "first")],
)
def test_an_imported_prompt_is_scored_so_that_every_label_can_be_answered(
    tmp_path: Path, words: tuple[str, str], scoring: str
) -> None:
    text = "Message: {}\nIntent: {}\n\n"
    path = tmp_path / "pasted.txt"
    path.write_text(text.format("a", words[0]) + text.format("b", words[1]) + "Message: c\nIntent:")
    output = tmp_path / "made.yaml"
    done = CliRunner().invoke(app, ["import", "text", str(path), "--yes", "-o", str(output)])
    assert done.exit_code == 0, done.output
    assert read_prompt(output).scoring == scoring
