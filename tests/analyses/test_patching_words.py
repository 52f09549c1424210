"""What patching says of orders and of layers, so that both can be found again elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from icldiag.analyses.lens import after, read_lens
from icldiag.analyses.patching.answer import Patching
from icldiag.analyses.patching.compute import Patch
from icldiag.analyses.patching.reading import conclusion, input_of, reading
from icldiag.analyses.patching.section import blocks
from icldiag.analyses.patching.states import Runner
from icldiag.model.label_words import label_words
from icldiag.page.blocks import Table
from icldiag.prompt.edit import swap
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of

QUERY = 1


def test_an_order_is_printed_so_that_it_can_be_made(tiny: Tiny, prompt: Prompt) -> None:
    """Among others the one that was chosen, where nobody gave one; and with a demonstration gone and one new."""
    session = Session(prompt, tiny())
    order = [2, 0, 3, 1]
    found = session.patching(
        QUERY, replace(prompt, demonstrations=tuple(prompt.demonstrations[place] for place in order))
    )
    assert "with order 3 1 4 2 as numbered now, Location last" in reading(found)
    new = Example("A text that is nowhere else", 1)
    mixed = replace(prompt, demonstrations=(prompt.demonstrations[3], new, prompt.demonstrations[0]))
    told = reading(session.patching(QUERY, mixed))
    assert "without demonstrations 2, 3" in told and "order 4 new 1 as numbered now" in told


def test_a_layer_is_the_same_for_depth_and_for_patching(tiny: Tiny, prompt: Prompt) -> None:
    """What Patch takes for the input of layer 2 is what Depth reads 'after layer 1', and either says so."""
    session = Session(prompt, tiny("llama"))
    depth = session.depth(QUERY).lens
    encoded = session.encoded
    ids = ids_of(encoded, QUERY)
    runner = Runner(session.model, label_words(encoded, session.model), encoded.votes([0])[0], lambda layer: None)
    inputs = torch.stack([hidden[encoded.queries[QUERY].target][None] for hidden in runner.record(ids).inputs])
    patched = read_lens(session.model, encoded, QUERY, inputs)
    assert len(depth.scores) == session.model.n_layers + 1
    np.testing.assert_allclose(patched.scores, depth.scores, atol=1e-4)
    assert after(2) == "after layer 1" and np.abs(depth.scores[2] - depth.scores[1]).max() > 1e-2
    assert input_of(2) == "the input of layer 2, the state after layer 1"
    assert input_of(0) == "the input of layer 0, the state before the first layer"


def test_before_anything_is_run_the_estimates_name_a_place_that_differs(tiny: Tiny, prompt: Prompt) -> None:
    """And never one at which the prompts are the same, whose share is 0 without a run."""
    session = Session(prompt, tiny())
    parts: list[Patching] = []
    session.ask(Patch(QUERY, swap(prompt, 2, 3)), each=parts.append)
    first = parts[0]
    assert first.same and first.likeliest is not None
    layer, site = first.likeliest
    assert site not in first.same
    shares = first.shares(first.estimates[0])
    beside = [place for place, one in enumerate(first.sites) if one.kind != "target" and place not in first.same]
    assert shares[layer, site] == shares[:, beside].max()
    if shares[layer, site] > 0:
        assert f"goes through {first.sites[site].name} in the input of layer {layer}" in reading(first)
    assert first.strongest is None  # nothing that differs was run but the target, if that


def test_what_it_waits_for_is_counted(tiny: Tiny, prompt: Prompt) -> None:
    told: dict[str, set[tuple[int, int]]] = {}
    session = Session(prompt, tiny())
    session.ask(Patch(QUERY), lambda what, done, total: told.setdefault(what, set()).add((done, total)))
    assert told["estimating what carries the change"] == {(done, 4) for done in range(4)}
    assert {(0, 3), (1, 3)} <= told["patching heads"] <= {(done, 3) for done in range(3)}
    assert all(
        total for counts in (told["choosing what to compare with: tokens"], told["patching"]) for _, total in counts
    )


def test_a_share_over_several_layers_is_said_to_be_the_most_of_one(tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt, tiny()).patching(QUERY, swap(prompt, 2, 3))
    assert found.defined
    site = next(place for place, one in enumerate(found.sites) if one.kind != "target" and place not in found.same)
    moved = np.zeros_like(found.moved)
    moved[0, :2, site] = 0.6 * found.difference, 1.2 * found.difference
    several = conclusion(replace(found, moved=moved))
    assert (
        f"{found.sites[site].name} in the input of layers 0-1 (1.20 of it at most, in layer 1; run back 0.00)"
        in several
    )
    moved[0, 0, site] = 0
    assert "in the input of layer 1 (1.20 of it; run back 0.00)" in conclusion(replace(found, moved=moved))


def test_a_page_without_figures_has_the_map(tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt, tiny()).patching(QUERY, swap(prompt, 2, 3))
    (table,) = (block for block in blocks(found) if isinstance(block, Table) and block.name == "map")
    moving = [place for place in range(len(found.sites)) if place not in found.same]
    assert table.columns == ("layer", *(found.sites[place].name for place in moving))
    for layer, row in enumerate(table.rows):
        shares = [np.nan if cell is None else cell for cell in row[1:]]
        np.testing.assert_allclose(shares, found.shares(found.moved[0])[layer, moving])  # type: ignore[arg-type]
    assert len(table.rows) == len(found.moved[0])
