"""The commands, as processes where imports and exit codes matter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from icldiag.cli import main
from icldiag.report.document import plain
from icldiag.report.settings import ReportSettings
from icldiag.samples import DEFAULT_SAMPLE, sample_names, sample_path

PROMPT = """\
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations:
  - {text: "Who wrote the opera ?", label: Person}
  - {text: "Where is the park ?", label: Location}
queries:
  - {text: "[/red] [b \\e[31m", label: Person}
  - {text: "Where ?", label: Location}
"""


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, where torch is imported already."""

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["icldiag", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return Done(int(caught.value.code or 0), shown.out, shown.err)

    return call


@pytest.fixture
def prompt_file(tmp_path: Path) -> str:
    path = tmp_path / "prompt.yaml"
    path.write_text(PROMPT)
    return str(path)


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


def test_report_on_stdout_progress_on_stderr(run: Run, prompt_file: str, model_folder: Path) -> None:
    done = run("report", prompt_file, "--model", str(model_folder), "--only", "prediction")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert len(document["prediction"]["queries"]) == 2
    assert "confusion" not in document
    assert "loading: weights" in done.stderr
    assert "computing: queries (2)" in done.stderr


def test_report_into_a_file(run: Run, prompt_file: str, model_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    done = run("report", prompt_file, "--model", str(model_folder), "-o", str(target))  # as it ends
    assert done.returncode == 0
    assert done.stdout == ""
    assert target.read_text().startswith("# icldiag report: prompt\n")


def test_report_as_folders_of_files(run: Run, prompt_file: str, model_folder: Path, tmp_path: Path) -> None:
    common = ("report", prompt_file, "--model", str(model_folder), "--only", "prediction", "--format")
    html = tmp_path / "report.html"
    assert run(*common, "html", "-o", str(html)).returncode == 0
    assert html.read_text().startswith("<!DOCTYPE html>")
    tables, figures = tmp_path / "tables", tmp_path / "figures"
    assert f"6 files written to {tables}" in run(*common, "csv", "-o", str(tables)).stderr
    assert (
        (tables / "prediction-queries.csv").read_text().startswith("number,query,gold,predicted,p(Person),p(Location),")
    )
    run(*common, "figures", "--figure-type", "pdf", "-o", str(figures))
    assert [path.name for path in figures.iterdir()] == ["prediction-counts.pdf"]
    assert run(*common, "csv").stderr.endswith("--format csv writes several files; name their folder with -o\n")


def test_the_schema_is_printed_without_a_prompt(run: Run) -> None:
    schema = json.loads(run("report", "--print-schema").stdout)
    assert schema["$id"] == "urn:icldiag-report:1"
    assert {"prediction", "compression"} <= set(schema["properties"])


def test_the_defaults_are_those_of_the_analyses(run: Run, prompt_file: str, model_folder: Path) -> None:
    done = run("report", prompt_file, "--model", str(model_folder), "--only", "prediction")
    assert json.loads(done.stdout)["settings"] == {**plain(asdict(ReportSettings())), "beta": None}


def test_a_beta_is_saved_and_is_in_force_when_loaded(
    run: Run, prompt_file: str, model_folder: Path, tmp_path: Path
) -> None:
    lines = [f'  - {{text: "Who is {n} ?", label: {label}}}' for n in range(4) for label in ("Person", "Location")]
    Path(prompt_file).write_text(PROMPT + "\n".join(["examples:", *lines, ""]))
    beta = str(tmp_path / "beta.safetensors")
    common = ("report", prompt_file, "--model", str(model_folder), "--only")
    trained = json.loads(run(*common, "reweighting", "--epochs", "3", "--save-beta", beta).stdout)
    unweighted = json.loads(run(*common, "prediction").stdout)
    weighted = json.loads(run(*common, "prediction", "--beta", beta).stdout)
    assert weighted["settings"]["beta"] == trained["reweighting"]["beta"]
    with_beta = [query["probabilities"] for query in weighted["prediction"]["queries"]]
    np.testing.assert_allclose(with_beta, trained["reweighting"]["probabilities"], rtol=1e-5)
    assert with_beta != [query["probabilities"] for query in unweighted["prediction"]["queries"]]


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


def test_check_shows_what_was_read_and_how_it_tokenizes(run: Run, prompt_file: str, model_folder: Path) -> None:
    assert "a valid prompt" in run("check", prompt_file).stdout
    shown = run("check", prompt_file, "--model", str(model_folder)).stdout
    assert "longest prompt" in shown
    assert "of the context window's 256" in shown
    assert "[label]  " in shown
    assert "[|/|r|e|d|]| |[|b| |^[|[|3|1|m" in shown
    assert "\x1b" not in shown


def test_check_asks_the_model_where_it_is_told_to(run: Run, prompt_file: str, model_folder: Path) -> None:
    shown = run("check", prompt_file, "--model", str(model_folder), "--answers").stdout
    said = shown.partition("answered by ")[2]
    assert "of the probability" in said  # the label mass
    assert "the model would write" in said
    assert "scored" in said
    refused = run("check", prompt_file, "--answers")
    assert "--answers asks a model; name one with --model" in refused.stderr


def test_doctor_reports_parity(run: Run, model_folder: Path) -> None:
    shown = run("doctor", "--model", str(model_folder)).stdout
    assert "reached in 4 of 4 layers" in shown
    assert "exact" in shown
    assert "NOT EXACT" not in shown


def test_every_sample_is_valid() -> None:
    from icldiag.prompt.read import read_prompt

    assert DEFAULT_SAMPLE in sample_names()
    assert len(sample_names()) >= 5
    for name in sample_names():
        prompt = read_prompt(sample_path(name))
        assert sum(query.label is not None for query in prompt.queries) >= 12
        assert {query.label for query in prompt.queries} == set(range(len(prompt.labels)))
        assert len(prompt.examples) >= 4 * len(prompt.labels)


def test_doctor_estimates_memory_before_it_loads(run: Run, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("doctor", "--model", str(model_folder)).stdout
    assert "for 192 tokens of demonstrations, 64 queries of 64:" in shown
    assert "for the weights in float32" in shown
    assert "verdict       all fit" in shown
    for room in ("memory", "free_memory"):
        monkeypatch.setattr(f"icldiag.model.{room}.free_memory", lambda device: 100_000)
    refused = run("doctor", "--model", str(model_folder))
    assert "verdict       memory may run out in prediction" in refused.stdout
    assert refused.returncode == 3
    assert "its weights take" in refused.stderr


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--device", "nowhere"), "--device nowhere: torch knows no such device; choose"),
        (("--dtype", "int8"), "--dtype int8: choose one of"),
        (("--quantize", "3"), "--quantize"),
    ],
)
def test_check_refuses_what_could_not_run(
    run: Run, prompt_file: str, model_folder: Path, options: tuple[str, str], words: str
) -> None:
    done = run("check", prompt_file, "--model", str(model_folder), *options)
    assert (done.returncode, done.stdout) == (3, "")
    assert words in done.stderr


def test_a_broken_configuration_is_named_before_what_is_missing(run: Run, prompt_file: str, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type":')
    done = run("check", prompt_file, "--model", str(tmp_path / "broken"))
    assert done.returncode == 3
    assert "config.json is not valid JSON" in done.stderr


def test_predict_refuses_a_column_without_a_name(run: Run, prompt_file: str, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\na\n")
    done = run("predict", prompt_file, str(tmp_path / "texts.csv"), "-o", "-", "--column", " ")
    assert done.returncode != 0
    assert "--column is the name of the new column" in done.stderr


def test_a_report_says_which_section_it_is_at(run: Run, prompt_file: str, model_folder: Path) -> None:
    done = run("report", prompt_file, "--model", str(model_folder), "--only", "confusion,prediction")
    lines = [line for line in done.stderr.splitlines() if line.startswith("section")]
    assert lines == ["section 1 of 2: Predictions", "section 2 of 2: Confusable labels"]


def test_a_stopped_report_leaves_nothing_and_says_so(
    run: Run, prompt_file: str, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("icldiag.report.document.make_report", stop)
    target = tmp_path / "report.md"
    done = run("report", prompt_file, "--model", str(model_folder), "-o", str(target))
    assert done.returncode == 130
    assert "stopped, no report is written" in done.stderr
    assert not target.exists()
