"""Nothing in a pass waits for the device: every pass runs where a tensor has no numbers that could be asked for.

torch's meta device computes shapes alone, and refuses whatever would move a number to the host.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from icldiag.model.forward import InstrumentedModel
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.label_words import label_words
from icldiag.model.limits import Limits
from icldiag.model.padding import batch_of
from icldiag.model.pasts import Past, Piece
from icldiag.model.readout import read_queries
from icldiag.model.rows import Row, run_rows
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Prompt
from tests.architectures import ARCHITECTURES
from tests.conftest import tiny_tokenizer

META = torch.device("meta")
EXPERTS = ("mixtral", "qwen3_moe", "gpt_oss", "deepseek_v3")  # their grouped products take no float32 there


def weightless(architecture: str) -> InstrumentedModel:
    with META:
        model = transformers.AutoModelForCausalLM.from_config(ARCHITECTURES[architecture].config())
    model.to(META)
    model.get_input_embeddings()._hf_hook = SimpleNamespace(execution_device=META)
    found = InstrumentedModel(model, tiny_tokenizer())
    found.limits = Limits(rows=2**16, scores=2**40, logits=2**40, pairs=2**40, restarts=False, first=2**16)
    return found


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name not in EXPERTS])
def test_a_pass_asks_for_no_number(architecture: str, prompt: Prompt) -> None:
    model = weightless(architecture)
    encoded = encode(prompt, *model.reader)
    words = label_words(encoded, model)
    prefix: list[KeyValues] = []

    def keep(layer: int, heads: Heads, output: torch.Tensor) -> None:
        prefix.append(heads.key_values)

    with torch.no_grad():
        model.run(batch_of([encoded.prefix], 0, META), observe=keep, keep_inputs=True)
        queries = batch_of([query.ids for query in encoded.queries], len(encoded.prefix), META)
        assert queries.padding is not None
        model.run(queries, context=prefix, keep=words.rows)
        whole = len(encoded.prefix)
        rows = [
            Row(Past((Piece(prefix, 0, 0, whole - cut),)), (*encoded.prefix[whole - cut :], *query.ids))
            for cut, query in enumerate(encoded.queries)
        ]
        scores, pasts = run_rows(model, rows, words, keep=[0, 2])
        further = [Row(past, (5, 6)) for past in pasts]
        scores, _ = run_rows(model, further, words)
    assert scores.shape == (2, len(prompt.labels))


def test_answers_are_read_in_one_pass_and_one_transfer(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    model = weightless("gpt2")
    encoded = encode(prompt.with_queries(prompt.queries * 40), *model.reader)
    transfers, passes = [], []

    def cpu(tensor: torch.Tensor) -> torch.Tensor:
        transfers.append(tensor.shape)
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    run = InstrumentedModel.run

    def counted(self: InstrumentedModel, batch: Any, **rest: Any) -> Any:
        passes.append(len(batch.ids))
        return run(self, batch, **rest)

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    monkeypatch.setattr(InstrumentedModel, "run", counted)
    prefix = model.encode_prefix(encoded.prefix)
    assert len(transfers) == 1
    answers = read_queries(model, encoded, prefix)
    assert passes == [1, len(encoded.queries)]
    assert len(transfers) == 2
    assert answers.label_scores.shape == (len(encoded.queries), len(prompt.labels))
