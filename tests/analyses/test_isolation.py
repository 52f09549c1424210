"""Isolation against an explicit mask in plainly written attention, and the sweep against single cuts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.isolation.compute import isolate, sweep
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.isolation.edits import on_device, prefix_edits, random_words, target_edits
from icldiag.model.edits import on_rows
from icldiag.model.forward import InstrumentedModel
from icldiag.model.padding import Batch, batch_of
from icldiag.model.readout import read_queries
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Prompt
from tests.conftest import CONFIGURATIONS, Tiny
from tests.eager import ids_of, plain_run, unchanged


def logits_of(model: InstrumentedModel, encoded: EncodedPrompt, query: int, cut: Cut) -> Tensor:
    prefix = model.encode_prefix(encoded.prefix, edits=on_device(prefix_edits(encoded, cut), model))
    batch = batch_of([encoded.queries[query].ids], len(encoded.prefix))
    edits = on_rows(target_edits(encoded, cut), [batch.ids.shape[1] - 1], model.device)
    with torch.no_grad():
        return model.run(batch, context=prefix.key_values, edits=edits).logits[0, -1]


@pytest.mark.parametrize("kind", ["text_to_label", "label_to_target", "random_words"])
@pytest.mark.parametrize("architecture", CONFIGURATIONS)
@pytest.mark.parametrize("renormalise", [True, False])
def test_a_cut_is_an_explicit_mask(architecture: str, kind: Any, renormalise: bool, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    cut = Cut.of(kind, [0, 2], seed=3, renormalise=renormalise)
    words = random_words(encoded, 3)
    rows = {"text_to_label": list(encoded.anchors), "random_words": words, "label_to_target": []}[kind]

    def masked(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        if layer not in cut.layers:
            return attention
        allowed = torch.ones_like(scores, dtype=torch.bool)
        for row in rows:
            allowed[:, :, row, :row] = False
        if kind == "label_to_target":
            allowed[:, :, -1, list(encoded.anchors)] = False
        if renormalise:
            return scores.masked_fill(~allowed, -torch.inf).softmax(-1)
        return attention * allowed

    with torch.no_grad():
        wanted = plain_run(model, ids_of(encoded, 1), masked)
        untouched = plain_run(model, ids_of(encoded, 1), unchanged)
    torch.testing.assert_close(logits_of(model, encoded, 1, cut), wanted, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(wanted, untouched, atol=1e-3)


@pytest.mark.parametrize("kind", ["text_to_label", "label_to_target", "random_words"])
@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama"])
@pytest.mark.parametrize("renormalise", [True, False])
def test_a_sweep_gives_what_single_cuts_give(
    architecture: str, kind: Any, renormalise: bool, tiny: Tiny, prompt: Prompt
) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    before = read_queries(model, encoded, prefix)
    swept = sweep(model, encoded, prefix, before, kind, renormalise=renormalise)
    assert len(swept.settings) == 7  # first 1 to 4 and last 1 to 3
    for setting in swept.settings:
        alone = isolate(model, encoded, prefix, before, setting.cut).answers
        np.testing.assert_allclose(setting.answers.probabilities, alone.probabilities, atol=1e-5)
        assert setting.answers.word_loyalty == alone.word_loyalty


@pytest.mark.parametrize("kind", ["text_to_label", "label_to_target", "random_words"])
@pytest.mark.parametrize("architecture", ["gpt2", "gemma2", "bloom", "gpt_oss"])
@pytest.mark.parametrize("renormalise", [True, False])
def test_a_sweep_without_restarts_is_the_same_in_two_passes_a_layer(
    architecture: str, kind: Any, renormalise: bool, tiny: Tiny, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    prefix = model.encode_prefix(encoded.prefix)
    before = read_queries(model, encoded, prefix)
    wanted = sweep(model, encoded, prefix, before, kind, renormalise=renormalise)
    monkeypatch.setattr(model, "limits", replace(model.limits, restarts=False, first=2**16, rows=2**16))
    monkeypatch.setattr("icldiag.model.readout.common_start", lambda rows: 0)
    passes: list[int] = []
    run = InstrumentedModel.run

    def counted(self: InstrumentedModel, batch: Batch, **rest: Any) -> Any:
        passes.append(len(batch.ids))
        return run(self, batch, **rest)

    monkeypatch.setattr(InstrumentedModel, "run", counted)
    found = sweep(model, encoded, prefix, before, kind, renormalise=renormalise)
    assert len(passes) <= 2 * model.n_layers + 1  # and one without a cut
    for one, other in zip(found.settings, wanted.settings, strict=True):
        assert one.cut == other.cut
        np.testing.assert_allclose(one.answers.probabilities, other.answers.probabilities, atol=2e-5)
