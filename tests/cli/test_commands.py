"""Any command: what it imports, wrong arguments, no terminal; as processes where imports and exit codes matter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.done import PROMPT, Run


def test_help_and_import_load_nothing_heavy() -> None:
    code = (
        "import sys, icldiag, icldiag.cli\n"
        "from typer.testing import CliRunner\n"
        "from icldiag.commands import COMMANDS, GROUPS\n"
        "within = [[group, name] for group, (_, commands) in GROUPS.items() for name in commands]\n"
        "for words in ([], *([name] for name in COMMANDS), *within):\n"
        "    assert CliRunner().invoke(icldiag.cli.app, [*words, '--help']).exit_code == 0\n"
        "print([name for name in ('torch', 'textual', 'transformers', 'numpy') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "icldiag", "check", "none.yaml"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "icldiag: none.yaml: there is no such file; check the path\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["report", "PROMPT", "--isolate", "0-x"], 2, "write layers as in 0-2,5"),
        (["report", "PROMPT", "--only", "prediction", "--save-beta", "x"], 2, "--save-beta is for reweighting, which"),
        (["report", "PROMPT", "--only", "prediction", "--layer", "0"], 2, "--layer is for confusion, which --only"),
        (["report", "PROMPT", "--only", "overview", "--top", "5"], 2, "--top is for isolation and compression, which"),
        (["report", "PROMPT", "-o", "nowhere/x.json"], 1, "'nowhere/x.json': there is no such folder; make it"),
        (["report", "PROMPT", "-o", "."], 1, "cannot write '.': it is a folder"),
        (["report", "PROMPT", "--format", "csv", "-o", "BROKEN"], 1, "it is a file; choose another place"),
        (["repair", "PROMPT", "-o", "nowhere/x.yaml"], 1, "'nowhere/x.yaml': there is no such folder; make it"),
        (
            ["report", "PROMPT", "--model", "MODEL", "--beta", "none.st"],
            2,
            "none.st: there is no such file; check the path",
        ),
        (["report", "none.yaml"], 2, "none.yaml: there is no such file"),
        (["report", "PROMPT", "--model", "./none"], 3, "there is no model folder"),
        (["report", "PROMPT", "--model", "MODEL", "--format", "pdf"], 2, "choose one of json, md"),
        (["report", "PROMPT", "--model", "MODEL", "--only", "x"], 2, "there is no analysis 'x'"),
        (["report", "PROMPT", "--only", "predicton"], 2, "no analysis 'predicton'; did you mean 'prediction'?"),
        (["report", "PROMPT", "--format", "jsn"], 2, "--format jsn: did you mean 'json'?"),
        (["report", "PROMPT", "--model", "MODEL", "--dtype", "float23"], 3, "did you mean 'float32'? choose one of"),
        (["report", "PROMPT", "--model", "MODEL", "--only", ""], 2, "the name of an analysis is missing"),
        (["report", "PROMPT", "--model", "MODEL", "--dtype", "int3"], 3, "choose one of auto, float64"),
        (["check", "BROKEN"], 2, "broken.yaml:1: template"),
        (["doctor", "--model", "BROKEN"], 3, "is a file"),
    ],
)
def test_bad_input_is_one_sentence(
    run: Run, arguments: list[str], code: int, words: str, prompt_file: str, model_folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(PROMPT.replace("{label}", ""))
    names = {"PROMPT": prompt_file, "MODEL": str(model_folder), "BROKEN": str(broken)}
    done = run(*(names.get(argument, argument) for argument in arguments))
    assert done.returncode == code
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("icldiag: ")
    assert words in last
    assert "Traceback" not in done.stderr


def test_options_of_place_reach_the_model(run: Run, prompt_file: str, model_folder: Path) -> None:
    common = ("report", prompt_file, "--model", str(model_folder), "--only", "prediction")
    assert "--quantize 5: choose 8 or 4" in run(*common, "--quantize", "5").stderr
    assert "--device-map all: choose one of auto" in run(*common, "--device-map", "all").stderr


def test_without_a_terminal_a_wrong_prompt_is_told_first() -> None:
    asked = [sys.executable, "-m", "icldiag", "open", "none.yaml"]
    done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "icldiag: none.yaml: there is no such file; check the path\n")


def test_the_app_without_a_terminal_is_one_sentence(prompt_file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "icldiag", "open", prompt_file], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "icldiag: the app needs a terminal to read keys from; 'icldiag report' works without one\n"
    assert done.stdout == ""


def test_predict_refuses_a_column_without_a_name(run: Run, prompt_file: str, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\na\n")
    done = run("predict", prompt_file, str(tmp_path / "texts.csv"), "-o", "-", "--column", " ")
    assert done.returncode != 0
    assert "--column is the name of the new column" in done.stderr
