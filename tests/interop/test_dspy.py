"""Against DSPy itself: a program that it saved is imported, with the signs that its ChatAdapter writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.dspy_program import read_program
from icldiag.prompt.read import read_prompt
from icldiag.prompt.write import as_yaml

dspy = pytest.importorskip("dspy", reason="needs DSPy (extra agents)")

DEMOS = [
    {"premise": "a dog\nruns", "hypothesis": "an animal moves", "label": "yes"},
    {"premise": "he sings 😀", "hypothesis": "he is silent", "label": "no"},
]


def nli() -> Any:
    return dspy.Signature("premise, hypothesis -> label", "Does the one follow from the other?")


def test_a_saved_program_writes_its_demonstrations(tmp_path: Path) -> None:
    program = dspy.Predict(nli())
    program.demos = [dspy.Example(**demo) for demo in DEMOS]
    path = tmp_path / "program.json"
    program.save(path)
    found = read_program(path).prompt()
    asked = found.example({"premise": "snow", "hypothesis": "it is cold"})
    written = found.written(asked)
    shown = dspy.ChatAdapter().format(program.signature, program.demos, dict(asked.fields))
    for message in shown[1:-1]:  # the system message lists types, and the last one says how to go on
        assert message["content"].strip() in written
    assert written.startswith("Does the one follow from the other?")
    assert written.endswith("[[ ## label ## ]]\n")
    copy = tmp_path / "prompt.yaml"
    copy.write_text(as_yaml(found.with_queries([asked])))
    assert read_prompt(copy).hash == found.with_queries([asked]).hash


def test_one_of_several_predictors(tmp_path: Path) -> None:
    class Program(dspy.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = dspy.Predict(nli()), dspy.Predict(nli()), dspy.Predict("a -> b")

    program = Program()
    program.first.demos, program.second.demos = DEMOS, DEMOS[::-1]
    path = tmp_path / "program.json"
    program.save(path)
    with pytest.raises(PromptError, match="choose one with --predictor: first, second"):
        read_program(path)
    assert read_program(path, "second").label_names == ("no", "yes")
    with pytest.raises(PromptError, match="no demonstrations"):
        read_program(path, "third")


def test_a_chain_of_thought_is_refused(tmp_path: Path) -> None:
    program = dspy.ChainOfThought(nli())
    program.predict.demos = [{**demo, "reasoning": "so"} for demo in DEMOS]
    path = tmp_path / "program.json"
    program.save(path)
    with pytest.raises(PromptError, match="come after a reasoning"):
        read_program(path)
