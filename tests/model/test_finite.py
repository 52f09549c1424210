"""Scores that are no finite numbers are no answer, wherever the largest of them would be taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.classifier.scorer import LabelScorer
from icldiag.errors import AnalysisError
from icldiag.model.finite import require_finite
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny


def overflowing(session: Session, value: float = torch.nan) -> Session:
    """From its last layer on, the model computes no numbers."""
    session.model.layers[-1].register_forward_hook(lambda layer, args, output: _filled(output, value))
    return session


def _filled(output: Any, value: float) -> Any:
    return (output[0] * value, *output[1:]) if isinstance(output, tuple) else output * value


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.prediction(),
        lambda s: s.generation(),
        lambda s: s.isolate(Cut.of("text_to_label", [1])),
        lambda s: s.confusion(),
        lambda s: s.depth(0),
        lambda s: s.contrast(0),
        lambda s: s.explanation(0),
        lambda s: s.overview(),
        lambda s: s.repairs(),
        lambda s: s.compression(),
        lambda s: s.scorings(),
        lambda s: s.reweighting(TrainingSettings(epochs=1)),
        lambda s: LabelScorer(s).scores([Example("Who ?", None)]),
    ],
)
@pytest.mark.parametrize("scoring", ["first", "whole"])
def test_one_error_and_no_answer(tiny: Tiny, prompt: Prompt, ask: Callable[[Session], object], scoring: Any) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(6))
    session = overflowing(Session(replace(prompt, scoring=scoring, examples=examples), tiny()))
    with pytest.raises(AnalysisError, match=r"not finite numbers, so there is no answer|not a finite number"):
        ask(session)


def test_a_token_beside_the_labels_that_overflows_is_told(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny())
    other = next(token for token in range(400) if token not in {ids[0] for ids in session.encoded.label_tokens})

    def infinite(head: Any, args: Any, logits: torch.Tensor) -> torch.Tensor:
        logits[..., other] = torch.inf
        return logits

    session.model.model.get_output_embeddings().register_forward_hook(infinite)
    with pytest.raises(AnalysisError, match="not finite numbers"):
        session.prediction()


def test_the_cause_and_the_cure_are_named(tiny: Tiny, prompt: Prompt) -> None:
    with pytest.raises(AnalysisError, match=r"overflows in float16; try --dtype float32$"):
        require_finite(torch.tensor([1.0, torch.inf]), torch.float16)
    with pytest.raises(AnalysisError, match=r"remove 'calibration' \(matrix\) from the prompt"):
        require_finite(torch.tensor([1.0, torch.nan]), torch.float32, "matrix")
    session = Session(prompt, tiny())
    beta = np.full(session.beta_shape, 3.0, np.float32)
    with pytest.raises(AnalysisError, match=r"a re-weighting is in force \(beta up to 3\)"):
        overflowing(session).with_beta(beta).prediction()


def test_a_large_beta_never_gives_answers_that_the_norms_made(tiny: Tiny, prompt: Prompt) -> None:
    """exp(43) is squared in a norm, which then returns zeros: finite scores that say nothing."""
    session = Session(prompt, tiny("llama"))
    with pytest.raises(AnalysisError, match="beta is up to 43"):
        session.with_beta(np.full(session.beta_shape, 43.0, np.float32))
    largest = session.with_beta(np.full(session.beta_shape, 40.0, np.float32)).prediction()
    nearly = session.with_beta(np.full(session.beta_shape, 30.0, np.float32)).prediction()
    np.testing.assert_allclose(largest.scores, nearly.scores, atol=1e-3)  # as large as it gets, nothing else counts
