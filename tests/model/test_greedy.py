"""What a model writes, step by step on its cache, is what transformers generates anew from the whole prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from icldiag.errors import Cancelled
from icldiag.model import rows as rows_module
from icldiag.model.forward import InstrumentedModel
from icldiag.model.greedy import write_on
from tests.conftest import Tiny

SHARED = [5 + 7 * i % 300 for i in range(50)]  # longer than the windows of tests/architectures.py
ROWS = [[9, 8, 7, 6], [30], [40, 41, 42, 43, 44, 45, 46], [11, 12]]
MOST = 9


def generated(model: InstrumentedModel, row: Sequence[int], most: int) -> list[int]:
    ids = torch.tensor([[*SHARED, *row]])
    with model.plain() as plain, torch.no_grad():
        found = plain.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False, eos_token_id=[-1]
        )
    return found[0, ids.shape[1] :].tolist()  # type: ignore[no-any-return]


def wrote(model: InstrumentedModel, most: int = MOST, stops: frozenset[int] = frozenset()) -> list[list[int]]:
    context = model.encode_prefix(SHARED).key_values
    return write_on(model, ROWS, context, len(SHARED), most, lambda ids: ids[-1] in stops, lambda done: None)


@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama", "qwen2", "mistral", "bloom", "gemma2", "gpt_oss"])
def test_the_same_tokens_as_transformers(architecture: str, tiny: Tiny) -> None:
    model = tiny(architecture)
    whole = [generated(model, row, MOST) for row in ROWS]
    assert wrote(model) == whole
    stop = whole[0][2]  # rows that have ended leave the batch, and the others go on as before
    ended = [ids[: ids.index(stop) + 1] if stop in ids else ids for ids in whole]
    assert wrote(model, stops=frozenset([stop])) == ended


def test_one_row_at_a_time_and_after_memory_ran_out(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("llama")
    whole = wrote(model)
    model.limits = replace(model.limits, rows=1)
    assert wrote(model) == whole
    model = tiny("llama")
    run, passes = model.run, 0

    def short(*args: object, **kwargs: object) -> object:
        nonlocal passes
        passes += 1
        if passes == 4:  # after two tokens of all rows
            raise MemoryError
        return run(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "run", short)
    monkeypatch.setattr(rows_module, "is_out_of_memory", lambda error: isinstance(error, MemoryError))
    assert wrote(model) == whole
    assert model.rows_at_once == 2


def test_no_token_is_read_beyond_the_window(tiny: Tiny) -> None:
    model = tiny("gpt2")
    model.context_window = len(SHARED) + len(ROWS[2]) + 1
    assert [len(ids) for ids in wrote(model)] == [5, 8, 2, 7]


def test_it_can_be_stopped(tiny: Tiny) -> None:
    model = tiny("gpt2")

    def stop(done: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write_on(model, ROWS, model.encode_prefix(SHARED).key_values, len(SHARED), 2, lambda ids: False, stop)
