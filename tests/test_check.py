"""`icldiag check` keeps to lines that a terminal can show, whatever the labels are."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.check import describe, describe_tokens
from icldiag.errors import PromptError
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt


@pytest.fixture
def long_labels(tmp_path: Path) -> Path:
    return with_label(tmp_path, "ab " * 3000)


def with_label(folder: Path, words: str) -> Path:
    path = folder / "long.yaml"
    path.write_text(
        f'template: "{{text}} :{{label}}"\nlabels: [{words}end, short]\nscoring: whole\n'
        "demonstrations: [{text: x, label: short}]\nqueries: [{text: y}]\n"
    )
    return path


def test_a_label_of_thousands_of_characters_is_shortened(long_labels: Path) -> None:
    assert max(map(len, describe(read_prompt(long_labels)).splitlines())) < 300


def test_and_so_are_its_tokens(tmp_path: Path, model_folder: Path) -> None:
    long = with_label(tmp_path, "ab " * 100)
    lines = describe_tokens(read_prompt(long), ModelSettings(name=str(model_folder))).splitlines()
    label = next(line for line in lines if line.startswith("    ab"))
    assert len(label) < 600
    assert " more" in label


def test_a_label_word_that_the_window_does_not_hold_is_what_is_to_be_shortened(
    long_labels: Path, model_folder: Path
) -> None:
    with pytest.raises(PromptError, match=r"window has 256; shorten the longest label word \(it takes \d+ tokens\)"):
        describe_tokens(read_prompt(long_labels), ModelSettings(name=str(model_folder)))
