"""Edits give new prompts, and a written prompt reads back as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import ask, drop, relabel, rename_word, swap
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.write import as_yaml


def test_edits(prompt: Prompt) -> None:
    first, second, *rest = prompt.demonstrations
    assert swap(prompt, 0, 1).demonstrations == (second, first, *rest)
    assert drop(prompt, 1).demonstrations == (first, *rest)
    assert relabel(prompt, 0, " Number ").demonstrations == (replace(first, label=2), second, *rest)
    assert rename_word(prompt, 1, "Place").labels[1] == Label("Location", " Place")
    assert ask(prompt, "Where ?").queries[-1] == Example("Where ?", None)
    assert prompt.demonstrations == (first, second, *rest)


def test_an_edit_that_changes_nothing_takes_nothing_off(prompt: Prompt) -> None:
    calibrated = replace(
        prompt,
        calibration=Calibration("batch", (0.0, 3.0, 0.0)),
        demonstrations=(prompt.demonstrations[0], *prompt.demonstrations),
    )
    assert rename_word(calibrated, 1, "Location") is calibrated
    assert relabel(calibrated, 0, calibrated.label_names[calibrated.demonstrations[0].known_label]) is calibrated
    assert relabel(calibrated, 0, "Number").calibration is None
    assert swap(calibrated, 0, 1) is swap(calibrated, 2, 2) is calibrated
    assert swap(calibrated, 1, 2).calibration is rename_word(calibrated, 1, "Place").calibration is None


def test_what_cannot_be_edited(prompt: Prompt) -> None:
    with pytest.raises(PromptError, match="only demonstration"):
        drop(replace(prompt, demonstrations=prompt.demonstrations[:1]), 0)
    with pytest.raises(PromptError, match="there is no label 'Nowhere'; choose from Person, Location"):
        relabel(prompt, 0, "Nowhere")
    with pytest.raises(PromptError, match="cannot be empty"):
        rename_word(prompt, 0, "  ")
    with pytest.raises(PromptError, match="'Location' is the label word of 'Location' already"):
        rename_word(prompt, 0, "Location")


def test_a_written_prompt_reads_back(prompt: Prompt, tmp_path: Path) -> None:
    nasty = Example('[/red] "quoted": #\u202e\u2028 \x1b[31m {label} ütf \U0001f600 - yes', 0)
    for changed in (
        prompt,
        rename_word(prompt, 1, "Place"),
        replace(prompt, instruction="Do: this\n", scoring="whole", separator="\n\n", examples=(nasty,)),
        prompt.with_queries((nasty, Example(" no ", None), Example("1.0", 2), Example("two\nlines\n", 1))),
    ):
        path = tmp_path / "prompt.yaml"
        path.write_text(as_yaml(changed), encoding="utf-8")
        assert read_prompt(path).hash == changed.hash
