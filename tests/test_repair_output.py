"""`icldiag repair`: the written file does what was verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.analyses.repairs import FindRepairs, Trial, finding
from icldiag.cli import main
from icldiag.errors import AnalysisError, IcldiagError
from icldiag.model.readout import Progress, silent
from icldiag.prompt.edit import drop
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_yaml
from icldiag.repair_output import (
    chosen_query,
    ranking,
    repair_diff,
    search,
    verify,
    write_repair,
)
from icldiag.session import Session
from tests.analyses.repairs.conftest import short_trainings as short_trainings
from tests.analyses.repairs.test_search import rich as rich
from tests.conftest import Tiny


@pytest.fixture
def rich_file(rich: Prompt, tmp_path: Path) -> Path:
    path = tmp_path / "rich.yaml"
    path.write_text(as_yaml(rich))
    return path


def test_every_family_of_repairs_is_written_opened_and_answers_as_verified(rich_file: Path, tiny: Tiny) -> None:
    session = Session(rich_file, tiny())
    found = session.repairs(budget=60)
    families: dict[str, Trial] = {}
    for trial in found.trials:
        families.setdefault(trial.repair.family, trial)
    assert {"calibration", "re-weighting", "drop", "replace", "order", "retrieval"} <= set(families)
    for name, trial in families.items():
        output = rich_file.parent / f"{name}.yaml"
        write_repair(session, trial.repair, output)
        opened = Session(output, session.model)
        np.testing.assert_array_equal(opened.prediction().predicted, trial.predicted)
        told = verify(session, found, trial, output, lambda *_: None)
        before, after = session.prediction().correct, opened.prediction().correct
        assert f"of the 5 labelled queries in this file {before} were right before, {after} are now" in told
        assert (opened.beta is None) == (trial.repair.beta is None)
        assert output.name in repair_diff(session, trial, output)
        fitted = trial.repair.calibration and trial.repair.calibration.kind in ("batch", "affine", "matrix")
        if not fitted:  # the same effect on the examples that it was measured on; those are judged by other fits there
            asked = replace(opened.prompt, queries=found.selection)
            accuracy = Session(asked, session.model).prediction().accuracy
            assert accuracy == trial.selection.accuracy_after


def test_a_matrix_of_numbers_is_a_line_of_the_diff(rich_file: Path, tiny: Tiny) -> None:
    """Of six labels it would be 42 lines, and what else changes would be lost among them."""
    session = Session(rich_file, tiny())
    matrix = next(t for t in session.repairs(budget=6).trials if t.repair.name == "matrix calibration")
    classes = len(session.prompt.labels)
    lines = repair_diff(session, matrix, None).splitlines()
    assert f"+    ... {classes * (classes + 1)} lines of numbers" in lines
    assert lines.index("+  bias:") + classes == len(lines) - 1  # each class's


def test_no_p_is_zero(rich: Prompt, tiny: Tiny) -> None:
    found = Session(rich, tiny()).repairs(budget=6)
    first = found.trials[0]
    effect = replace(first.selection, mended=tuple(range(14)), broken=())
    assert effect.p_value < 0.005
    sure = replace(found, trials=(replace(first, selection=effect),))
    assert f" {effect.p_value:.1g} " in [*ranking(sure, 1)][2]


def test_a_beta_is_written_over_no_file_but_its_own(rich_file: Path, tiny: Tiny) -> None:
    session = Session(rich_file, tiny())
    trial = next(trial for trial in session.repairs(budget=40).trials if trial.repair.beta is not None)
    mine = rich_file.with_name("fixed.safetensors")
    mine.write_text("the user's own")
    output = rich_file.with_name("fixed.yaml")
    for _ in range(2):  # the second time in place of the first
        write_repair(session, trial.repair, output)
        beta = read_prompt(output).beta
        assert beta is not None and beta.path.name == "fixed-2.safetensors"
        np.testing.assert_array_equal(Session(output, session.model).prediction().predicted, trial.predicted)
    assert mine.read_text() == "the user's own"


def test_a_repair_is_printed_or_sent_into_a_device(
    rich_file: Path, tiny: Tiny, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    session = Session(rich_file, tiny())
    trials = session.repairs(budget=40).trials
    trial = next(trial for trial in trials if trial.repair.family == "drop")
    assert write_repair(session, trial.repair, Path("-")) is None
    printed = rich_file.with_name("printed.yaml")
    printed.write_bytes(capsysbinary.readouterr().out)
    answers = Session(printed, session.model).prediction()
    np.testing.assert_array_equal(answers.predicted, trial.predicted)
    assert write_repair(session, trial.repair, Path("/dev/null")) is None
    with_beta = next(trial for trial in trials if trial.repair.beta is not None)
    with pytest.raises(IcldiagError, match="needs a beta file beside the prompt; name a file with -o"):
        write_repair(session, with_beta.repair, Path("-"))


def test_a_file_that_answers_otherwise_is_told(rich_file: Path, tiny: Tiny) -> None:
    session = Session(rich_file, tiny())
    found = session.repairs(budget=40)
    output = rich_file.parent / "out.yaml"
    trial = next(trial for trial in found.trials if (trial.predicted != found.before).any())
    output.write_text(rich_file.read_text())
    with pytest.raises(AnalysisError, match="differ from those that were verified"):
        verify(session, found, trial, output, lambda *_: None)


def test_the_files_beta_can_be_taken_off_and_must_fit(rich_file: Path, tiny: Tiny) -> None:
    session = Session(rich_file, tiny())
    trial = next(trial for trial in session.repairs(budget=40).trials if trial.repair.family == "re-weighting")
    output = rich_file.parent / "out.yaml"
    assert write_repair(session, trial.repair, output) is not None
    written = Session(output, session.model)
    assert written.beta is not None
    plain = written.without_beta()
    assert plain.beta is None
    np.testing.assert_array_equal(plain.prediction().scores, session.prediction().scores)
    again = plain.with_beta(written.beta)
    np.testing.assert_allclose(again.prediction().scores, written.prediction().scores)
    other = drop(written.prompt, 0)
    assert Session(other, session.model).beta is None
    foreign = replace(other, beta=written.prompt.beta)
    with pytest.raises(AnalysisError, match="beta has shape"):
        Session(foreign, session.model).prediction()


def test_ctrl_c_ends_a_search_with_the_best_so_far(
    rich_file: Path, tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt_at(count: int) -> Progress:
        def progress(what: str, done: int, total: int) -> None:
            if (what == "repairs" and done >= count) or count == 0:
                raise KeyboardInterrupt

        return progress

    session = Session(rich_file, tiny())
    found = search(session, FindRepairs(budget=12), interrupt_at(6))
    assert len(found.trials) == 6  # the calibrations
    told = capsys.readouterr().err
    assert found.best and found.confirmed
    effect = found.confirmed
    assert (
        f"so far: {found.best.repair.name}, {effect.right_before} of {effect.count} held-out texts right before, "
        f"{effect.right_after} after\n"
    ) in told
    assert finding(found) not in told  # which stdout says, often on the same terminal
    assert "stopped after 6 candidates" in told
    with pytest.raises(KeyboardInterrupt):
        search(session, FindRepairs(budget=12), interrupt_at(0))
    assert len(search(session, FindRepairs(budget=12), silent).trials) == 12


def test_queries_are_named_by_number_or_text(prompt: Prompt) -> None:
    assert chosen_query(prompt, "2") == 1
    assert chosen_query(prompt, "SLOW film") == 0
    for wrong, reason in (("0", "queries 1 to 6"), ("nowhere", "no query holds"), ("where", "queries 2, 5 hold")):
        with pytest.raises(AnalysisError, match=reason):
            chosen_query(prompt, wrong)


Command = Callable[..., tuple[int, str, str]]  # arguments -> exit status, stdout, stderr


@pytest.fixture
def run(
    rich_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """icldiag repair of `rich_file`."""

    def run(*arguments: str) -> tuple[int, str, str]:
        common = ["repair", str(rich_file), "--model", str(model_folder), "--budget", "8"]
        monkeypatch.setattr("sys.argv", ["icldiag", *common, *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return int(caught.value.code or 0), shown.out, shown.err

    return run


def test_the_command(rich_file: Path, model_folder: Path, run: Command) -> None:
    output = rich_file.parent / "repaired.yaml"
    session = Session(rich_file, str(model_folder))
    found = session.repairs(budget=8)
    code, text, error = run("-o", str(output))
    if found.holds:
        assert code == 0
        assert output.exists()
    else:
        assert code == 1
        assert "--take N" in error
        assert not output.exists()
    code, text, error = run("-o", str(output), "--take", "1", "--show", "3")
    assert code == 0, error
    assert "+++ " + str(output) in text
    assert "opened again" in text
    assert len([line for line in text.splitlines() if line.lstrip().startswith(("1 ", "2 ", "3 ", "4 "))]) == 3
    opened = Session(read_prompt(output), session.model).prediction()
    np.testing.assert_array_equal(opened.predicted, found.trials[0].predicted)
    assert run("--take", "99")[0] == 2
    assert run("--query", "nowhere")[0] == 2


def test_the_reports_section(rich: Prompt, tiny: Tiny) -> None:
    from icldiag.report.document import make_report
    from icldiag.report.settings import ReportSettings
    from icldiag.report.write import as_json, as_markdown

    report = make_report(Session(rich, tiny()), ["repairs"], ReportSettings(budget=6))
    section = json.loads(as_json(report))["repairs"]
    assert {"finding", "winner", "holds", "confirmed", "parts", "repairs", "left_out"} <= set(section)
    assert len(section["repairs"]) == 6
    first = section["repairs"][0]
    assert {"name", "family", "selection", "queries", "verdict", "predicted", "tokens", "needs"} <= set(first)
    assert {"count", "right_before", "right_after", "mended", "broken", "p_value"} <= set(first["selection"])
    text = as_markdown(report)
    assert "## Repairs" in text
    able = [one for one in section["repairs"] if one["logit_bias"] is not None]
    assert able
    for one in section["repairs"]:
        adds = one["calibration"] is None or one["calibration"]["kind"] in ("contextual", "domain-context", "batch")
        assert (one["logit_bias"] is not None) == (adds and one["family"] != "re-weighting")
    for one in able:
        biases = list(one["logit_bias"].values())
        assert list(map(int, one["logit_bias"])) == [ids[0] for ids in report.session.encoded.label_tokens]
        assert max(biases) == 100
        if one["calibration"]:
            np.testing.assert_allclose(np.diff(biases), np.diff(one["calibration"]["bias"]), atol=1e-5)
    if section["winner"] is not None:
        assert "a server that adds these to its logits" in text
    assert "McNemar p" in text
