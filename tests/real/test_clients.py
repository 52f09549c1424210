"""SmolLM2 with logit biases, asked as other programs ask: `generate` of transformers on the plain model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from icldiag.analyses.calibration import calibration
from icldiag.clients.generation import agreement
from icldiag.model.forward import InstrumentedModel
from icldiag.prompt.read import read_prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.clients.test_logit_bias import requests

pytestmark = pytest.mark.real


def test_generate_gives_the_calibrated_answers(smollm2: InstrumentedModel, tmp_path: Path) -> None:
    prompt = read_prompt(sample_path("questions"))
    plain = Session(prompt.with_queries(prompt.queries[:12]), smollm2)
    before = plain.prediction()
    session = Session(replace(plain.prompt, calibration=calibration("batch", before.scores)), smollm2)
    answers = session.prediction()
    assert (answers.predicted != before.predicted).any()
    found = agreement(smollm2, requests(session)["transformers"], session.prompt.queries, answers.scores)
    assert found.same + found.ties == 12
