"""The command `report`: where it writes, what it says meanwhile, its settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from icldiag.report.document import plain
from icldiag.report.settings import ReportSettings
from tests.cli.done import PROMPT, Run


def test_report_on_stdout_progress_on_stderr(run: Run, prompt_file: str, model_folder: Path) -> None:
    done = run("report", prompt_file, "--model", str(model_folder), "--only", "prediction")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert len(document["prediction"]["queries"]) == 2
    assert "confusion" not in document
    assert "loading: weights" in done.stderr
    assert "computing: queries (0 of 2)" in done.stderr


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
