"""Options before a command, and those that every command with a model has."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from icldiag.cli import app, main
from icldiag.commands.model_options import OPTIONS, as_arguments, takes_model
from icldiag.model.settings import ModelSettings

Icldiag = Callable[..., tuple[int, str, str]]


@pytest.fixture
def icldiag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Icldiag:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["icldiag", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return int(caught.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(
        'template: "{text}:{label}"\nlabels: [a, b]\n'
        "demonstrations:\n  - {text: x, label: a}\n  - {text: y, label: b}\n"
        "queries:\n  - {text: z}\n"
    )
    return str(path)


def test_options_before_a_command_are_its_defaults(icldiag: Icldiag, prompt: str, model_folder: Path) -> None:
    model = str(model_folder)
    code, shown, _ = icldiag("--model", model, "report", prompt, "--only", "prediction", "--format", "md")
    assert code == 0
    assert f"model: {model}".replace("_", "\\_") in shown
    assert f"tokenized by {model}" in icldiag("--model", model, "check", prompt)[1]
    assert "--quantize 5: choose 8 or 4" in icldiag("--quantize", "5", "report", prompt)[2]


def test_those_after_it_win(icldiag: Icldiag, prompt: str, model_folder: Path) -> None:
    shown = icldiag("--model", "./nowhere", "check", prompt, "--model", str(model_folder))[1]
    assert f"tokenized by {model_folder}" in shown


def test_an_option_that_the_command_lacks_is_refused(icldiag: Icldiag, prompt: str) -> None:
    code, _, told = icldiag("--model", "x", "diff", "a", "b")
    assert (code, told) == (2, "icldiag: icldiag diff has no option --model; leave it out\n")
    told = icldiag("--model", "nowhere", "import", "messages", prompt)[2]  # that one has it
    assert "has no option" not in told
    assert "icldiag import text has no option --dtype" in icldiag("--dtype", "float16", "import", "text", "x")[2]


def test_every_command_with_a_model_has_all_model_options() -> None:
    import typer

    group = typer.main.get_command(app)
    for name, command in {"": group, **group.commands}.items():  # type: ignore[attr-defined]
        options = {parameter.name for parameter in command.params}
        if "model" in options:
            assert set(OPTIONS) <= options, name
    assert ["name", *OPTIONS] == [field.name for field in fields(ModelSettings)]


def test_settings_become_options_and_settings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    taken: list[ModelSettings] = []

    def command(*, model: ModelSettings) -> None:
        taken.append(model)

    within = typer.Typer()
    within.command()(takes_model(command))
    for settings in (
        ModelSettings(),
        ModelSettings("x y", "cuda:1", "float16", "main", True, "auto", 4, True),
        ModelSettings("-odd", quantize=8),
    ):
        within(as_arguments(settings), standalone_mode=False)
        assert taken.pop() == settings


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--zebra"], "No such option: --zebra; see icldiag --help"),
        (["report"], "Missing argument 'PROMPT'; see icldiag report --help"),
        (["nosuch"], "No such command 'nosuch'; see icldiag --help"),
        (["check", "questions", "\u202ey\n" * 400], "Got unexpected extra argument"),
        (["report", "x", "--epochs", "9" * 6000], "Invalid value for '--epochs'"),
    ],
)
def test_wrong_arguments_are_one_short_sentence(icldiag: Icldiag, words: list[str], told: str) -> None:
    code, shown, said = icldiag(*words)
    assert (code, shown) == (2, "")
    assert said.startswith(f"icldiag: {told}")
    assert said.count("\n") == 1
    assert len(said) < 300
    assert "\u202e" not in said


@pytest.mark.parametrize(
    "words",
    [
        ("report", "PROMPT", "--format", "LONG"),
        ("report", "PROMPT", "--device", "LONG"),
        ("doctor", "--model", "bundled", "--device", "LONG"),
        ("doctor", "--model", "bundled", "--dtype", "LONG"),
        ("doctor", "--model", "bundled", "--device-map", "LONG"),
        ("doctor", "--model", "LONG"),
        ("diff", "PROMPT", "PROMPT", "--format", "LONG"),
        ("new", "PROMPT", "--words", "LONG"),
        ("predict", "PROMPT", "PROMPT", "--field", "LONG=LONG"),
        ("serve", "PROMPT", "--public-url", "LONG"),
        ("report", "PROMPT", "--only", "LONG"),
        ("report", "PROMPT", "-o", "LONG/LONG"),
    ],
    ids=lambda words: f"{words[0]} {words[-2]}",
)
@pytest.mark.parametrize("long", ["0," * 2000, "x/" * 2000, "9" * 4000], ids=["commas", "slashes", "digits"])
def test_a_long_value_is_quoted_short(icldiag: Icldiag, prompt: str, words: tuple[str, ...], long: str) -> None:
    given = [word.replace("PROMPT", prompt).replace("LONG", long) for word in words]
    code, _, told = icldiag(*given)
    assert code != 0
    assert len(told.splitlines()[-1]) < 600
    assert long[:100] not in told


def test_options_of_a_model_that_is_not_named_are_refused(icldiag: Icldiag, prompt: str) -> None:
    for words in (("doctor", "--device", "nowhere"), ("check", prompt, "--dtype", "float32")):
        code, _, told = icldiag(*words)
        assert (code, told) == (2, f"icldiag: {words[-2]} is for a model; name it with --model NAME\n")


@pytest.mark.parametrize(
    "words",
    [
        ("docs", "nothing"),
        ("diff", "PROMPT", "PROMPT", "--format", "json"),
        ("report", "PROMPT", "--format", "doc"),
        ("report", "PROMPT", "--format", "csv", "-o", "-"),
        ("report", "PROMPT", "--only", "nothing"),
        ("report", "PROMPT", "--isolate", "x"),
        ("report", "PROMPT", "--only", "prediction", "--layer", "1"),
        ("report", "PROMPT", "--beta", "none.st"),
        ("report", "PROMPT", "--beta", "PROMPT"),
        ("report", "PROMPT", "--against", "bundled"),
        ("report", "PROMPT", "--nothing"),
        ("report", "none.yaml"),
        ("check", "PROMPT", "--answers"),
        ("test", "PROMPT"),
        ("repair", "PROMPT", "--query", "99"),
        ("predict", "PROMPT", "PROMPT", "--column", ""),
        ("sweep", "PROMPT", "--workers", "2"),
        ("import", "langchain", "PROMPT", "--field", "1=x"),
        ("samples", "-o", "-"),
        ("open", "none.yaml"),
    ],
)
def test_what_cannot_be_used_as_given_has_one_exit_code(
    words: tuple[str, ...], icldiag: Icldiag, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option like an argument like a file, told by typer or by us."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, told = icldiag(*(prompt if word == "PROMPT" else word for word in words))
    assert code == 2, told


def test_a_repair_without_texts_is_refused_before_the_model_is_loaded(icldiag: Icldiag, prompt: str) -> None:
    code, _, told = icldiag("repair", prompt)
    assert (code, told.startswith("icldiag: a repair must hold on labelled examples, and there are 0")) == (4, True)
    assert "loading" not in told
