"""`icldiag check` keeps to lines that a terminal can show, whatever the labels are."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.check import describe, describe_tokens
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt


@pytest.fixture
def long_labels(tmp_path: Path) -> Path:
    path = tmp_path / "long.yaml"
    path.write_text(
        f'template: "{{text}} :{{label}}"\nlabels: [{"ab " * 3000}end, short]\nscoring: whole\n'
        "demonstrations: [{text: x, label: short}]\nqueries: [{text: y}]\n"
    )
    return path


def test_a_label_of_thousands_of_characters_is_shortened(long_labels: Path) -> None:
    assert max(map(len, describe(read_prompt(long_labels)).splitlines())) < 300


def test_and_so_are_its_tokens(long_labels: Path, model_folder: Path) -> None:
    lines = describe_tokens(read_prompt(long_labels), ModelSettings(name=str(model_folder))).splitlines()
    label = next(line for line in lines if line.startswith("    ab"))
    assert len(label) < 600
    assert " more" in label
