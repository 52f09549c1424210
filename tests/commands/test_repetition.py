"""No option of any command loses a value because it is given twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from icldiag.cli import app, main
from icldiag.commands.repetition import RepeatedOption, refuse_repeated


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, within in getattr(command, "commands", {}).items():
        yield from _commands(within, (*words, name))


COMMANDS = list(_commands(typer.main.get_command(app)))


def _value(option: Any) -> list[str]:
    return [] if option.is_flag else ["1"]


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) or "icldiag" for words, _ in COMMANDS])
def test_every_option_is_kept_whole_or_refused_by_name(words: tuple[str, ...], command: Any) -> None:
    """Whatever option a command has or will have: a second value is kept, or refused."""
    context = command.context_class(command)
    for option in (one for one in command.params if one.param_type_name == "option"):
        for first in option.opts:
            given = [first, *_value(option), option.opts[-1], *_value(option)]
            if option.multiple or option.count or (option.is_flag and not option.secondary_opts):
                refuse_repeated(command, context, given)
                continue
            with pytest.raises(RepeatedOption, match=f"^{max(option.opts, key=len)}.* is given twice; "):
                command.parse_args(context, given)
            refuse_repeated(command, context, given[: len(given) // 2])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("new", "x.csv", "--text", "premise", "--text", "hypothesis"),
         "--text is given twice; name each column of several texts with --field, where the command has it"),
        (("check", "p.yaml", "--model", "a", "--model=b"), "--model is given twice; keep the one that you mean"),
        (("new", "x.csv", "-o", "a", "--output", "b"), "--output is given twice; keep the one that you mean"),
        (("sweep", "x.yaml", "--resume", "--again"), "--resume/--again is given twice; keep the one that you mean"),
        (("new", "x.csv", *["--seed", "1"] * 3), "--seed is given 3 times; keep the one that you mean"),
        (("--model", "a", "--model", "b"), "--model is given twice; keep the one that you mean"),
    ],
)  # fmt: skip
def test_what_is_told(
    arguments: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["icldiag", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code, capsys.readouterr().err) == (2, f"icldiag: {told}\n")
