"""The attention function by itself, against the formula written out: masks, edits, what came before, who watches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from icldiag.errors import AnalysisError
from icldiag.model.attention import Edit, Pass, active, attend, current, product
from icldiag.model.heads import Heads, KeyValues, Variant

B, H, T, D = 2, 3, 4, 5
CONTEXT, PAST = 3, 2
S = CONTEXT + PAST + T
SCALE = 0.7


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(**changes: Any) -> tuple[Pass, tuple[Tensor, Tensor, Tensor]]:
    """A pass of T new tokens behind a shared context and a past, and the new tokens' queries, keys and values."""
    shown = torch.arange(CONTEXT)[None]
    context = KeyValues(drawn(1, 1, H, CONTEXT, D), drawn(2, 1, H, CONTEXT, D), shown, CONTEXT - 1)
    own = torch.arange(CONTEXT, CONTEXT + PAST).expand(B, -1)
    past = KeyValues(drawn(3, B, H, PAST, D), drawn(4, B, H, PAST, D), own, CONTEXT + PAST - 1)
    first = CONTEXT + PAST
    positions = torch.arange(first, S).expand(B, -1)
    this = Pass(positions, (first, S - 1), [context], [past], **changes)
    return this, (drawn(5, B, H, T, D), drawn(6, B, H, T, D), drawn(7, B, H, T, D))


def written_out(this: Pass, new: tuple[Tensor, Tensor, Tensor], edit: Edit | None = None) -> Tensor:
    query, key, value = new
    context, past = (None if held is None else held[0] for held in (this.context, this.past))
    keys, values, places = [key], [value], [this.positions]
    for held in (past, context):
        if held is not None:
            keys.insert(0, held.keys.expand(B, -1, -1, -1))
            values.insert(0, held.values.expand(B, -1, -1, -1))
            places.insert(0, held.positions.expand(B, -1))
    scores = query @ torch.cat(keys, 2).transpose(2, 3) * SCALE
    columns, rows = torch.cat(places, 1)[:, None, None, :], this.positions[:, None, :, None]
    scores = scores.masked_fill(columns > rows, float("-inf"))
    before = scores.clone()
    if edit is not None and edit.blocked is not None and edit.renormalise:
        n = edit.blocked.shape[-1]
        before[:, :, edit.rows, :n] = before[:, :, edit.rows, :n].masked_fill(edit.blocked, float("-inf"))
    weights = before.softmax(-1)
    if edit is not None:
        changed = weights[:, :, edit.rows].clone()
        if edit.blocked is not None and not edit.renormalise:
            changed[..., : edit.blocked.shape[-1]] *= ~edit.blocked
        if edit.factor is not None:
            factor = edit.factor if edit.factor.dim() == 4 else edit.factor[None, :, None]
            changed[..., : factor.shape[-1]] *= factor
        weights = weights.clone()
        weights[:, :, edit.rows] = changed
    return weights @ torch.cat(values, 2)


BLOCKED = torch.tensor([[True, False, True, False, True]])
FACTOR = drawn(8, H, 6).abs()
EDITS = {
    "blocked": Edit(torch.tensor([1]), BLOCKED),
    "blocked after the softmax": Edit(torch.tensor([1]), BLOCKED, renormalise=False),
    "scaled": Edit(torch.tensor([0, 2]), None, FACTOR),
    "scaled otherwise in each row": Edit(torch.tensor([0, 2]), None, drawn(9, B, H, 2, 6).abs()),
    "both": Edit(torch.tensor([1, 3]), BLOCKED.expand(2, -1), FACTOR),
    "both, blocked after": Edit(torch.tensor([1, 3]), BLOCKED.expand(2, -1), FACTOR, renormalise=False),
    "as many rows as heads": Edit(torch.tensor([0, 1, 3]), None, FACTOR),
    "every row": Edit(torch.arange(T), BLOCKED.expand(T, -1), FACTOR),
    "every row, not blocked": Edit(torch.arange(T), None, FACTOR),
}


@pytest.mark.parametrize(("context", "past"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("name", [None, *EDITS])
def test_it_is_the_formula(name: str | None, context: bool, past: bool) -> None:
    this, new = made()
    this = replace(this, context=this.context if context else None, past=this.past if past else None)
    edit = None if name is None else EDITS[name]
    with active(replace(this, edits={} if edit is None else {0: edit})):
        found = attend(0, *new, SCALE)
    torch.testing.assert_close(found, written_out(this, new, edit), atol=1e-6, rtol=1e-6)


def test_an_edit_is_of_its_layer() -> None:
    this, new = made()
    assert this.context is not None and this.past is not None
    two = replace(this, context=[this.context[0]] * 2, past=[this.past[0]] * 2, edits={1: EDITS["both"]})
    with active(two):
        torch.testing.assert_close(attend(0, *new, SCALE), written_out(this, new), atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(attend(1, *new, SCALE), written_out(this, new, EDITS["both"]), atol=1e-6, rtol=1e-6)


def test_a_factor_of_one_changes_nothing_not_by_one_bit() -> None:
    this, new = made()
    with active(this):
        plain = attend(0, *new, SCALE)
    with active(replace(this, edits={0: Edit(torch.tensor([1]), None, torch.ones(H, 6, dtype=torch.float64))})):
        assert torch.equal(attend(0, *new, SCALE), plain)


def test_who_watches_sees_what_goes_on_and_who_swaps_decides_it() -> None:
    seen: list[tuple[int, Heads, Tensor]] = []
    begun: list[int] = []
    this, new = made(
        observe=lambda layer, heads, output: seen.append((layer, heads, output)),
        before_layer=begun.append,
        swap=lambda layer, output: output + 1.0,
    )
    with active(this):
        found = attend(0, *new, SCALE)
    torch.testing.assert_close(found, written_out(this, new) + 1.0, atol=1e-6, rtol=1e-6)
    ((layer, heads, output),) = seen
    assert (layer, begun) == (0, [0])
    assert output is found
    assert heads.last == heads.key_values.last == S - 1
    assert heads.visibility.column_positions.tolist() == [list(range(S))] * B
    assert heads.key.shape[2] == heads.value.shape[2] == PAST + T


@pytest.mark.parametrize("variant", [Variant(visible=lambda batch, head, rows, columns: columns <= rows), None])
def test_positions_that_begin_again_are_refused_where_they_would_mean_nothing(variant: Any) -> None:
    this, new = made()
    this = replace(this, past=None, positions=this.positions - PAST)
    for first, fails in ((0, variant is not None), (CONTEXT - 1, variant is not None), (CONTEXT, False)):
        with active(replace(this, span=(first, first + T - 1))):
            if fails:
                with pytest.raises(AnalysisError, match="begin again before the demonstrations end"):
                    attend(0, *new, SCALE, variant)
            else:
                attend(0, *new, SCALE, *([] if variant is None else [variant]))


def test_the_furthest_position_is_that_of_the_tokens_or_of_the_context() -> None:
    this, _ = made()
    assert this.furthest == S - 1
    assert replace(this, span=(0, 1)).furthest == CONTEXT - 1
    assert replace(this, context=None, span=(0, 0)).furthest == 0


def test_a_pass_is_served_until_its_block_ends() -> None:
    outer, _ = made()
    inner = replace(outer, padding=torch.zeros(B))
    with active(outer):
        with pytest.raises(ZeroDivisionError), active(inner):
            assert current() is inner
            raise ZeroDivisionError
        assert current() is outer
    with pytest.raises(RuntimeError, match="call it inside"):
        current()


def test_a_product_has_ones_where_a_factor_ends() -> None:
    long, short = drawn(1, H, 4), drawn(2, H, 2)
    wanted = long.clone()
    wanted[:, 0] *= short[:, 0]
    wanted[:, 1] *= short[:, 1]
    before = long.clone(), short.clone()
    for first, second in ((long, short), (short, long)):
        found = product(first, second)
        assert found is not None
        torch.testing.assert_close(found, wanted)
    assert torch.equal(long, before[0]) and torch.equal(short, before[1])
    assert product(long, None) is long
    assert product(None, short) is short
    assert product(None, None) is None
    two, one = drawn(3, H, 2), drawn(4, H, 1)  # fewer columns than heads
    for first, second in ((two, one), (one, two)):
        torch.testing.assert_close(product(first, second), torch.cat([two[:, :1] * one, two[:, 1:]], dim=1))


def test_what_is_blocked_is_blocked_before_the_softmax_unless_told_otherwise() -> None:
    edit = Edit(torch.tensor([1]), BLOCKED)
    assert edit.renormalise
    assert edit.to(torch.device("cpu")).renormalise
