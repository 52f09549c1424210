"""What a new token may attend to: against the rule written out, and made once a pass."""

from __future__ import annotations

from math import inf
from unittest.mock import patch

import pytest
import torch

from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import batch_of
from icldiag.model.visibility import HIDES, ROWS, Visibility
from tests.conftest import Tiny

PAST, NEW = 3, 4
OWN = PAST + NEW


def window(batch: torch.Tensor, head: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
    return row - column < 3


def padded(within: bool) -> Visibility:
    """Two rows of own past and new tokens, the second with one column of each that holds nothing."""
    positions = torch.tensor([[2, 3, 4, 5, 6, 7, 8], [2, 2, 3, 4, 4, 5, 6]])
    padding, gap = torch.tensor([0, 1]), torch.tensor([0, 1])
    return Visibility(positions, NEW, torch.tensor([[0, 1]]), window if within else None, padding, gap)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("rows", [None, torch.tensor([1, 3])])
def test_hidden_is_the_rule_written_out(within: bool, rows: torch.Tensor | None) -> None:
    seen = padded(within)
    ceiling, of_context = seen.ceiling(rows), seen.ceiling_of_context(rows)
    assert ceiling is not None
    chosen = range(NEW) if rows is None else rows.tolist()
    for batch, (padding, gap) in enumerate([(0, 0), (1, 1)]):
        for place, row in enumerate(chosen):
            at = int(seen.positions[batch, PAST + row])
            for column in range(OWN):
                empty = column < padding or PAST <= column < PAST + gap
                near = not within or at - int(seen.positions[batch, column]) < 3
                sees = column == PAST + row or (column <= PAST + row and not empty and near)
                assert ceiling[batch, 0, place, column] == (inf if sees else HIDES), (batch, row, column)
            if of_context is not None:
                wanted = [HIDES if at - column >= 3 else inf for column in (0, 1)]
                assert of_context[batch, 0, place].equal(torch.tensor(wanted))
    assert (of_context is None) is not within


def test_one_token_that_is_not_padded_sees_all() -> None:
    assert Visibility(torch.arange(5)[None], 1).ceiling(None) is None


def test_rows_that_nobody_holds_are_forgotten() -> None:
    seen = padded(within=True)
    rows = torch.tensor([0, 2])
    assert seen.ceiling(rows) is seen.ceiling(rows)
    seen.ceiling_of_context(rows)
    del rows
    assert not seen._ceilings
    assert not seen._ceilings_of_context


def test_blocks_are_all_rows_in_order() -> None:
    seen = Visibility(torch.arange(2 * ROWS + 5)[None], 2 * ROWS + 5)
    assert [len(block) for block in seen.blocks] == [ROWS, ROWS, 5]
    assert torch.cat(seen.blocks).equal(seen.all_rows)


@pytest.mark.parametrize(("architecture", "kinds"), [("gpt2", 1), ("llama", 1), ("gpt_neo", 2), ("gemma2", 2)])
def test_a_pass_makes_it_once_for_layers_that_see_alike(tiny: Tiny, architecture: str, kinds: int) -> None:
    model = tiny(architecture)
    context: list[KeyValues] = []

    def keep(layer: int, heads: Heads, output: torch.Tensor) -> None:
        context.append(heads.key_values)

    model.run(batch_of([range(45)], 0), observe=keep)
    made = []
    computed = Visibility._visible

    def count(self: Visibility, rows: torch.Tensor) -> torch.Tensor:
        made.append(rows)
        return computed(self, rows)

    with patch.object(Visibility, "_visible", count):
        model.run(batch_of([range(4), range(2)], 45), context=context)
    assert model.n_layers >= 2
    assert len(made) == kinds


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_what_overflows_where_nobody_looks_is_hidden_too(dtype: torch.dtype) -> None:
    """As half precision may at a column of padding."""
    keys = torch.tensor([[1.0, 2.0], [60000.0, 60000.0]], dtype=dtype)[None, None]
    query = torch.tensor([[2.0, 2.0], [2.0, 2.0]], dtype=dtype)[None, None]
    heads = Heads(query, keys, keys, Visibility(torch.arange(2)[None], 2), 1.0)
    assert heads.attention(torch.tensor([0])).tolist() == [[[[1.0, 0.0]]]]
