"""Patching against transformers' own model with forward hooks; alignment by spans; what the sentences may claim."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.patching.alignment import SINK, align
from icldiag.analyses.patching.answer import Patching
from icldiag.analyses.patching.reading import agreement, conclusion, reading
from icldiag.analyses.patching.states import Runner, removed
from icldiag.errors import AnalysisError
from icldiag.model.label_words import label_words
from icldiag.prompt.edit import drop, swap
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session
from tests.architectures import ARCHITECTURES
from tests.conftest import Tiny
from tests.eager import ids_of, plain_run, plain_word_scores
from tests.parity import TOLERANCE
from tests.plain_states import before_layers, before_projections, head_outputs, layer_inputs

QUERY = 1


def lead(logits: Tensor, found: Patching, session: Session) -> Tensor:
    first = [tokens[0] for tokens in session.encoded.label_tokens]
    return logits[first[found.answer]] - logits[first[found.rival]]


@pytest.fixture
def change(prompt: Prompt) -> Prompt:
    """The same demonstrations in another order: of the same length, everything aligned."""
    return swap(prompt, 0, 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_cells_estimates_and_heads_are_those_of_the_plain_model(
    architecture: str, tiny: Tiny, prompt: Prompt, change: Prompt
) -> None:
    model = tiny(architecture)
    session = Session(prompt, model)
    found = session.patching(QUERY, change, cells=None)
    assert found.unaligned == (SINK,)
    both = [ids_of(encode(one.with_queries([one.queries[QUERY]]), model.tokenizer), 0) for one in (prompt, change)]
    states = [layer_inputs(model, ids, plain_run) for ids in both]
    leads = [float(lead(plain_run(model, ids), found, session)) for ids in both]
    scale = abs(leads[0]) + abs(leads[1]) + 1
    assert np.allclose([found.lead, found.counterpart_lead], leads, atol=TOLERANCE * scale)
    signs = (-1.0, 1.0)
    for way in range(2):
        own, other = both[way], states[1 - way]
        for place in (0, 1, 3, len(found.sites) - 3, len(found.sites) - 2, len(found.sites) - 1):
            site = found.sites[place]
            mine, its = (site.here, site.there)[:: 1 - 2 * way]
            for layer in (1, 3):
                taken = other[layer][list(its)]

                def patch(at: int, hidden: Tensor, layer: int = layer, mine: Any = mine, taken: Any = taken) -> Tensor:
                    if at != layer:
                        return hidden
                    changed = hidden.clone()
                    changed[0, list(mine)] = taken
                    return changed

                with before_layers(model, patch), torch.no_grad():
                    moved = signs[way] * (float(lead(plain_run(model, own), found, session)) - leads[way])
                assert abs(found.moved[way, layer, place] - moved) < TOLERANCE * scale, (site.name, layer, way)
        inputs: dict[int, Tensor] = {}

        def watch(at: int, hidden: Tensor, inputs: dict[int, Tensor] = inputs) -> Tensor:
            inputs[at] = hidden.detach().requires_grad_() if at == 0 else hidden
            if at:
                hidden.retain_grad()
            return inputs[at]

        with before_layers(model, watch):
            lead(plain_run(model, own), found, session).backward()  # type: ignore[no-untyped-call]
        for place, site in enumerate(found.sites):
            mine, its = (site.here, site.there)[:: 1 - 2 * way]
            for layer, hidden in inputs.items():
                assert hidden.grad is not None
                step = other[layer][list(its)] - hidden.detach()[0, list(mine)]
                wanted = signs[way] * float((step * hidden.grad[0, list(mine)]).sum())
                assert abs(found.estimates[way, layer, place] - wanted) < 10 * TOLERANCE * (scale + abs(wanted))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_head_gets_the_others_output_at_the_target(
    architecture: str, tiny: Tiny, prompt: Prompt, change: Prompt
) -> None:
    model = tiny(architecture)
    session = Session(prompt, model)
    found = session.patching(QUERY, change, cells=0)
    both = [ids_of(encode(one.with_queries([one.queries[QUERY]]), model.tokenizer), 0) for one in (prompt, change)]
    outputs = [head_outputs(model, ids, plain_run) for ids in both]
    assert len(found.heads) >= 4
    for head in found.heads[:4]:
        for way, moved in enumerate((head.denoised, head.noised)):

            def patch(at: int, joined: Tensor, head: object = head, way: int = way) -> Tensor:
                if at != head.layer:  # type: ignore[attr-defined]
                    return joined
                width = joined.shape[-1] // model.n_heads
                columns = slice(head.head * width, (head.head + 1) * width)  # type: ignore[attr-defined]
                changed = joined.reshape(-1, joined.shape[-1]).clone()
                changed[-1, columns] = outputs[1 - way][at][-1, columns]
                return changed.reshape(joined.shape)

            plain = float(lead(plain_run(model, both[way]), found, session))
            with before_projections(model, patch), torch.no_grad():
                changed = float(lead(plain_run(model, both[way]), found, session))
            wanted = (changed - plain) * (1 if way else -1)
            assert abs(moved - wanted) < TOLERANCE * (1 + abs(plain)), (head, way)


def test_what_the_counterpart_has_not_is_hidden_from_a_layer_on(tiny: Tiny, prompt: Prompt) -> None:
    model = tiny("gpt_neox")
    session = Session(prompt, model)
    found = session.patching(QUERY, drop(prompt, 3), cells=None)
    ids = ids_of(encode(prompt.with_queries([prompt.queries[QUERY]]), model.tokenizer), 0)
    gone = [place for place, site in enumerate(found.sites) if site.only_here]
    assert [found.sites[place].name for place in gone] == [
        "demonstration 4's label word",
        "demonstration 4's text",
        "demonstration 4's template",
    ]
    assert np.isnan(found.moved[1][:, gone]).all() and not np.isnan(found.moved[0][:, gone]).any()
    for place in gone:
        columns = list(found.sites[place].here)
        rows = [row for row in range(len(ids)) if row not in columns]
        for layer in (0, 2):

            def hide(
                at: int, scores: Tensor, attention: Tensor, layer: int = layer, rows: Any = rows, columns: Any = columns
            ) -> Tensor:
                if at < layer:
                    return attention
                masked = scores.clone()
                masked[:, :, torch.tensor(rows)[:, None], torch.tensor(columns)] = torch.finfo(scores.dtype).min
                return masked.softmax(-1)

            wanted = found.lead - float(lead(plain_run(model, ids, hide), found, session))
            assert found.moved[0, layer, place] == pytest.approx(wanted, abs=1e-4)


def test_the_estimate_of_hiding_is_the_gradient_of_removing_columns(tiny: Tiny, prompt: Prompt) -> None:
    """Against a finite difference: the columns' weights are scaled by 1 - e, and rows normalised again."""
    model = tiny("llama")
    encoded = encode(prompt.with_queries([prompt.queries[QUERY]]), model.tokenizer)
    runner = Runner(model, label_words(encoded, model), np.zeros(3), lambda layer: None)
    states = runner.record(ids_of(encoded, 0))
    columns = list(encoded.demonstrations[1].label)[:1]
    (one,) = [one for one in runner.gradients(states, 0, 1) if one.layer == 2]
    rows = torch.arange(columns[0] + 1, len(states.ids))
    attention = one.heads.attention(rows).double()
    without = attention.clone()
    without[..., columns] = 0
    change = one.heads.value.double().repeat_interleave(2, 1)
    outputs = (without / without.sum(-1, keepdim=True)) @ change - attention @ change
    wanted = float((outputs * one.of_output[:, :, rows].double()).sum())
    assert removed(one, columns) == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_demonstrations_are_matched_and_spans_aligned(tiny: Tiny, prompt: Prompt) -> None:
    model = tiny()

    def encoded(one: Prompt) -> Any:
        return encode(one.with_queries([one.queries[0]]), model.tokenizer)

    here = encoded(prompt)
    relabelled = replace(
        prompt, demonstrations=(*prompt.demonstrations[:3], replace(prompt.demonstrations[3], label=2))
    )
    found = align(here, encoded(relabelled))
    assert found.pairs == ((0, 0), (1, 1), (2, 2), (3, 3)) and not found.unaligned
    every = sorted(place for site in found.sites for place in site.here)
    assert every == list(range(here.queries[0].target + 1))  # each token once
    swapped = align(here, encoded(swap(prompt, 0, 1)))
    assert swapped.pairs == ((0, 1), (1, 0), (2, 2), (3, 3))
    ours, theirs = encoded(prompt), encoded(swap(prompt, 0, 1))
    whole = [(*one.prefix, *one.queries[0].ids) for one in (ours, theirs)]
    assert swapped.unaligned == (SINK,)
    assert [(site.kind, site.here, site.there) for site in swapped.sites if 0 in site.here + site.there] == [
        ("first token", (0,), (0,))
    ]
    for site in swapped.sites:
        for one, other in zip(site.here, site.there, strict=True):
            assert whole[0][one] == whole[1][other] or site.kind in (
                "first token",
                "template",
            )  # the order's ends may tokenize apart
    longer = replace(prompt, queries=(Example("Who wrote the slow and lovely film about the park ?", 0),))
    told = align(here, encoded(longer)).unaligned
    assert len(told) == 1 and told[0].startswith("the query's text (")


def test_a_counterpart_is_chosen_and_said(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny())
    for query in range(len(prompt.queries)):
        try:
            found = session.patching(query, cells=2)
        except AnalysisError as error:
            assert "nothing to compare" in str(error)
            continue
        assert found.chosen and found.change
        assert found.chosen in reading(found) and f"Query {query + 1} against the prompt" in reading(found)


def test_a_zero_shot_prompt_is_compared_with_another_query(tiny: Tiny, prompt: Prompt) -> None:
    bare = replace(prompt, demonstrations=())
    found = Session(bare, tiny()).patching(1, bare, counterpart_query=2)
    assert found.change == "another query"
    assert {site.kind for site in found.sites} <= {"first token", "template", "query", "target"}


def test_parts_come_while_it_is_computed(tiny: Tiny, prompt: Prompt, change: Prompt) -> None:
    parts: list[Patching] = []
    found = Session(prompt, tiny()).patching(0, change, each_cell=parts.append)
    assert not parts[0].whole and parts[0].done < parts[-1].done <= found.done
    assert "estimate" in conclusion(parts[0]) or not parts[0].defined


def test_sentences_claim_only_what_was_run(tiny: Tiny, prompt: Prompt, change: Prompt) -> None:
    found = Session(prompt, tiny()).patching(0, change, cells=None)
    shares = found.shares(found.moved[0])
    for carrier in found.carriers:
        assert all(shares[layer, carrier.site] >= 0.5 for layer in carrier.layers)
    nothing = replace(found, counterpart_lead=found.lead - 0.05)
    assert "too little to say what carries it" in conclusion(nothing) and not nothing.carriers
    flat = replace(found, moved=np.zeros_like(found.moved), lead=3.0, counterpart_lead=1.0, heads=())
    assert conclusion(flat).startswith("Of what was patched only the target holds half of the change")


def test_what_cannot_be_compared_is_refused_by_name(tiny: Tiny, prompt: Prompt, change: Prompt) -> None:
    session = Session(prompt, tiny())
    with pytest.raises(AnalysisError, match="nothing to patch"):
        session.patching(0, prompt)
    words = replace(change, labels=(Label("Person", " Who"), *change.labels[1:]))
    with pytest.raises(AnalysisError, match="scores other label words"):
        session.patching(0, words)
    with pytest.raises(AnalysisError, match="say which query is meant"):
        session.patching(0, change.with_queries(change.queries[1:3]))
    with pytest.raises(AnalysisError):
        session.patching(99)


@pytest.mark.parametrize("scoring", ["whole", "terminated"])
def test_whole_words_are_patched_as_one_after_the_other(scoring: Any, tiny: Tiny, prompt: Prompt) -> None:
    """Every word alone after the prompt in the plain model, with the same states put in."""
    words = (Label("Person", " Person of"), Label("Location", " Location at"), Label("Number", " Number"))
    whole = replace(prompt, labels=words, scoring=scoring)
    model = tiny("llama")
    found = Session(whole, model).patching(1, swap(whole, 0, 2), cells=None)
    here, there = (encode(one.with_queries([one.queries[1]]), model.tokenizer) for one in (whole, swap(whole, 0, 2)))
    states = layer_inputs(model, ids_of(there, 0), plain_run)
    place, layer = 2, 2
    site = found.sites[place]

    def patch(at: int, hidden: Tensor) -> Tensor:
        changed = hidden.clone()
        if at == layer:
            changed[0, list(site.here)] = states[layer][list(site.there)]
        return changed

    with before_layers(model, patch), torch.no_grad():
        scores = plain_word_scores(model, ids_of(here, 0), here.scored_tokens)
    assert len(found.sites[-1].here) == label_words(here, model).rows > 1
    wanted = found.lead - float(scores[found.answer] - scores[found.rival])
    assert found.moved[0, layer, place] == pytest.approx(wanted, abs=1e-4)


def test_the_conclusion_tells_both_ways_and_estimates_are_judged_where_something_moves(
    tiny: Tiny, prompt: Prompt, change: Prompt
) -> None:
    found = Session(prompt, tiny()).patching(0, change, cells=None)
    moved, estimates = np.zeros_like(found.moved), np.zeros_like(found.estimates)
    place = next(place for place, site in enumerate(found.sites) if site.kind == "texts")
    moved[:, 1, place], estimates[0, 1, place] = (1.5, -0.25), 0.5
    planted = replace(
        found, moved=moved, estimates=estimates, lead=3.0, counterpart_lead=0.5, heads=(), same=(), whole=True
    )
    assert f"through {found.sites[place].name} in the input of layer 1 (0.60 of it; run back -0.10)" in conclusion(
        planted
    )
    said = agreement(planted)
    assert f"Of {moved.size} passes 2 move 0.1 of the change or were estimated to" in said
    assert "off by 0.25 of the change in the median, 0.40 at most." in said  # of 0.40 and 0.10
    still = replace(planted, moved=0 * moved, estimates=0 * moved)
    assert agreement(still) == f"Of {moved.size} passes none moves 0.1 of the change, nor was estimated to."
