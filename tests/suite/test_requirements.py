"""Prompts held to requirements."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from icldiag.analyses.overview.compute import MeasureLean, MeasurePriors
from icldiag.cli import app, main
from icldiag.model.readout import silent
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_yaml
from icldiag.session import Session
from icldiag.suite.requirements import Outcome, Requirements, against
from icldiag.suite.result import PromptResult, as_junit, page_of_results
from tests.conftest import Tiny


@pytest.fixture
def session(prompt: Prompt, tiny: Tiny) -> Session:
    return Session(prompt, tiny())


def outcome(session: Session, requirements: Requirements, baseline: dict[str, Any] | None = None) -> Outcome:
    (found,) = requirements.outcomes(session, silent, baseline)
    return found


def test_accuracy_is_that_of_the_predictions(session: Session) -> None:
    prediction = session.prediction()
    gold = [
        (answer, label)
        for answer, label in zip(prediction.predicted, prediction.gold, strict=True)
        if label is not None
    ]
    accuracy = sum(answer == label for answer, label in gold) / len(gold)
    assert outcome(session, Requirements(min_accuracy=accuracy)).holds
    failing = outcome(session, Requirements(min_accuracy=accuracy + 0.01))
    assert not failing.holds
    assert f"accuracy {accuracy:.2f} (" in failing.text
    assert "on 5 labelled queries" in failing.text
    assert not outcome(session, Requirements(min_balanced_accuracy=1.0)).holds


def test_without_gold_labels_no_accuracy_holds(session: Session) -> None:
    unlabelled = tuple(replace(query, label=None) for query in session.prompt.queries)
    found = outcome(session.with_prompt(session.prompt.with_queries(unlabelled)), Requirements(min_accuracy=0.0))
    assert not found.holds
    assert found.text == "no query has a gold label, so there is no accuracy; at least 0 is required"


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_lean_is_the_strongest_measured_prior(
    session: Session, calibrated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if calibrated:
        by = Calibration("matrix", (0.5, 0.0, 0.0), matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
        session = session.with_prompt(replace(session.prompt, calibration=by))
    whole = session.lean()
    strongest = max(prior.strength for prior in whole.priors)
    session = session.with_prompt(session.prompt)  # knows nothing
    monkeypatch.setattr(MeasureLean, "compute", None)  # calibrations are not asked
    alone = session.ask(MeasurePriors())
    assert [one.kind for one in alone] == [one.kind for one in whole.priors]
    for one, other in zip(alone, whole.priors, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)
    told = outcome(session, Requirements(max_lean=strongest + 0.001)).text
    assert told.startswith("with the matrix calibration in force the " if calibrated else "the ")
    strongest = max(prior.strength for prior in alone)
    assert outcome(session, Requirements(max_lean=strongest)).holds
    failing = outcome(session, Requirements(max_lean=strongest - 0.001))
    assert not failing.holds
    assert f"by {strongest:.2f} nats" in failing.text


def report_of(answers: str) -> dict[str, Any]:
    """Queries of gold label g, and these answers."""
    queries = [{"text": str(i), "gold": "g", "predicted": answer, "id": None} for i, answer in enumerate(answers)]
    return {"redacted": False, "prompt": {"sha256": ""}, "prediction": {"queries": queries}}


@pytest.mark.parametrize(
    ("before", "now", "most", "holds"),
    [
        ("ggggggggxx", "ggggggggxx", None, True),
        ("ggggggggxx", "ggggggxxxx", None, True),  # two of ten may be chance
        ("ggggggggxx", "xxxxxxggxx", None, False),  # six are not
        ("xxxxxxggxx", "ggggggggxx", None, True),  # nor when it is the other way round
        ("ggggggggxx", "gggggggxxg", 0, False),
        ("ggggggggxx", "gggggggxxg", 1, True),
    ],
)
def test_a_baseline_may_not_be_fallen_behind(before: str, now: str, most: int | None, holds: bool) -> None:
    found = against(report_of(before), report_of(now), most)
    assert found.holds is holds, found.text


def test_what_broke_is_named_by_its_number_now() -> None:
    found = against(report_of("gg"), report_of("gx"), 0)
    assert "1 right in the baseline is wrong now (2) and 0 the other way" in found.text
    assert not against(report_of(""), report_of("g"), None).holds


def test_a_redacted_baseline_is_matched_where_its_queries_can_be_told() -> None:
    before, now = report_of("gg"), report_of("gx")
    redacted = before | {"redacted": True}
    for number, query in enumerate(redacted["prediction"]["queries"], start=1):
        query["text"] = f"query {number}"
    assert "of 2 queries in both, 1 right in the baseline is wrong now (2)" in against(redacted, now, 0).text
    other = against(redacted | {"prompt": {"sha256": "another"}}, now, 0)
    assert not other.holds
    assert other.text.startswith("the baseline is redacted, and of another prompt or an earlier version")


def test_junit_says_what_failed_and_shows_no_control_characters() -> None:
    results = [
        PromptResult(
            Path("a\x1b.yaml"), (Outcome("accuracy", False, "0.1 \x1b[31m <b>"), Outcome("lean", True, "0.2")), 1.5
        ),
        PromptResult(Path("b.yaml"), (), 0.1, "b.yaml: there is no such file"),
    ]
    root = ElementTree.fromstring(as_junit(results).split("\n", 1)[1])
    assert [(suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root] == [
        ("2", "1", "0"),
        ("1", "0", "1"),
    ]
    failure = root.find(".//failure")
    assert failure is not None and "<b>" in (failure.text or "")
    assert "\x1b" not in as_junit(results)
    (table,) = page_of_results(results, "m").parts[0].blocks
    assert [row[0] for row in table.rows] == ["ERROR", "FAILS", "passes"]  # type: ignore[union-attr]


def test_the_command_judges_all_prompts_and_ends_with_what_failed(
    prompt: Prompt,
    tmp_path: Path,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        Path(f"{name}.yaml").write_text(as_yaml(replace(prompt, name=name)))

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["icldiag", *arguments, "--model", str(model_folder)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    assert run("test", "one.yaml", "two.yaml", "--min-accuracy", "0", "--junit", "j.xml", "--markdown", "s.md") == 0
    assert "2 of 2 prompts pass." in capsys.readouterr().out
    assert len(ElementTree.parse("j.xml").getroot()) == 2
    assert "| passes | one.yaml | accuracy |" in Path("s.md").read_text()
    assert run("test", "one.yaml", "--min-accuracy", "1") == 1
    assert run("test", "one.yaml", "none.yaml", "--min-accuracy", "0") == 2
    assert "none.yaml: there is no such file" in capsys.readouterr().out
    assert run("test", "one.yaml") == 2
    assert "nothing is required" in capsys.readouterr().err
    assert run("test", "one.yaml", "--min-accuracy", "0", "--max-broken", "0") == 2
    assert run("test", "one.yaml", "--min-accuracy", "0", "--junit", "no/j.xml") == 2
    shown = capsys.readouterr()
    assert "there is no such folder" in shown.err
    assert "pass" not in shown.out  # it is refused before anything is computed
    with monkeypatch.context() as patch:
        patch.setattr("icldiag.model.load.load_model", pytest.fail)
        assert run("test", "one.yaml", "--min-accuracy", "0", "--junit", "one.yaml") == 2
    assert "is what this command reads" in capsys.readouterr().err
    assert run("report", "one.yaml", "--only", "prediction", "-o", "one.json") == 0
    assert json.loads(Path("one.json").read_text())["prompt"]["name"] == "one"
    assert run("test", "one.yaml", "--baseline", "one.json", "--max-broken", "0") == 0
    assert run("test", "one.yaml", "two.yaml", "--baseline", "one.json", "--junit", "j.xml") == 2
    assert "0 of the reports of --baseline are of a prompt named 'two'" in Path("j.xml").read_text()
    assert run("test", "two.yaml", "--baseline", "one.json", "--junit", "-") == 0  # one prompt, one report


def test_no_model_is_loaded_where_no_prompt_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("icldiag.model.load.load_model", None)  # calling it would be an error of ours
    (tmp_path / "empty.yaml").touch()
    names = [str(tmp_path / name) for name in ("empty.yaml", "none.yaml")]
    done = CliRunner().invoke(app, ["test", *names, "--min-accuracy", "0.5"], env={"COLUMNS": "300"})
    assert done.exit_code == 2
    assert "0 of 2 prompts pass." in done.output
    assert "there is no such file; check the path" in done.output
    assert done.output.count("ERROR") == 2
