"""What patching says of orders and of layers, so that both can be found again elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from icldiag.analyses.lens import after, read_lens
from icldiag.analyses.patching.reading import input_of, reading
from icldiag.analyses.patching.states import Runner
from icldiag.model.label_words import label_words
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
    assert "the demonstrations in the order 3 1 4 2 as numbered now, Location last" in reading(found)
    new = Example("A text that is nowhere else", 1)
    mixed = replace(prompt, demonstrations=(prompt.demonstrations[3], new, prompt.demonstrations[0]))
    told = reading(session.patching(QUERY, mixed))
    assert "without demonstrations 2, 3" in told and "in the order 4 new 1 as numbered now" in told


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
