"""A repair as other programs take it: text, messages, requests with logit biases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.errors import AnalysisError
from icldiag.prompt.read import read_prompt
from icldiag.repair_output import (
    repaired,
    repairs_nothing,
)
from icldiag.session import Session
from tests.analyses.repairs.conftest import short_trainings as short_trainings
from tests.analyses.repairs.test_search import rich as rich
from tests.conftest import Tiny
from tests.test_repair_output import Command
from tests.test_repair_output import rich_file as rich_file
from tests.test_repair_output import run as run


def test_a_repair_is_written_for_other_programs(rich_file: Path, model_folder: Path, run: Command) -> None:
    found = Session(rich_file, str(model_folder)).repairs(budget=8)
    calibrated = 1 + [trial.repair.name for trial in found.trials].index("batch calibration")
    output = rich_file.parent / "requests.json"
    code, told, error = run("--take", str(calibrated), "--as", "logit-bias", "-o", str(output))
    assert code == 0, error
    assert "gives icldiag's answer to 6 of 6 queries." in told
    assert "@@" not in told  # no diff of the prompt file, which is not what is written
    wanted = [
        found.trials[calibrated - 1].repair.labels[label].name for label in found.trials[calibrated - 1].predicted
    ]
    assert [row["answer"] for row in json.loads(output.read_text())["expected"]] == wanted
    code, told, error = run("--take", str(calibrated), "--as", "messages", "-o", str(output))
    assert "So nothing in it is repaired; a larger --budget tries other demonstrations" in told
    repair = found.trials[calibrated - 1].repair
    other = replace(repair, demonstrations=repair.demonstrations[1:])
    assert not repairs_nothing(other, read_prompt(rich_file), "messages")
    assert not repairs_nothing(repair, read_prompt(rich_file), "logit-bias")
    code, told, error = run("--take", "0", "--as", "text", "-o", "-")
    assert (code, told) == (0, read_prompt(rich_file).written("{text}"))
    assert "Written." in error
    assert "name a file with -o, or -" in run("--as", "text")[2]
    assert "--take 0 is the prompt as it is" in run("--take", "0")[2]
    names, text = read_prompt(rich_file).label_names, rich_file.read_text()
    zero, two = (", ".join(f"{name}: {value}" for name in names) for value in (0, 2))
    rich_file.write_text(f"{text}\ncalibration: {{kind: affine, bias: {{{zero}}}, scale: {{{two}}}}}\n")
    code, _, error = run("--take", "0", "--as", "logit-bias", "-o", str(output))
    assert code == 4 and "the affine calibration multiplies scores" in error
    assert "icldiag repair ranks them, and --take RANK --as logit-bias writes one" in error
    assert "loading" not in error  # refused before the model is there


def test_a_re_weighting_names_the_best_repair_without_one(rich_file: Path, tiny: Tiny) -> None:
    session = Session(rich_file, tiny())
    found = session.repairs(budget=8)
    scaled = next(trial for trial in found.trials if trial.repair.beta is not None)
    other = 1 + next(i for i, trial in enumerate(found.trials) if trial.repair.beta is None)
    with pytest.raises(
        AnalysisError, match=f"scales attention, .*; the best repair that does not is number {other}, '"
    ):
        repaired(session, found, scaled, "text")
    affine = next(
        trial
        for trial in found.trials
        if trial.repair.beta is None and trial.repair.calibration and trial.repair.calibration.scale
    )
    with pytest.raises(AnalysisError, match="multiplies label scores, which logit biases cannot"):
        repaired(session, found, affine, "logit-bias")
    assert repaired(session, found, affine, "text").prompt.calibration == affine.repair.calibration
