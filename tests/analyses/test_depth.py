"""Depth against transformers' own hidden states, its sentences against plain counts, its AUC of states at random."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch

from icldiag.analyses.depth import ReadDepth, ReadDepths
from icldiag.analyses.depth.reading import reading, reading_of_layers, reading_of_parts, shares
from icldiag.analyses.depth.separation import StateAuc, state_auc
from icldiag.analyses.estimates import Estimate
from icldiag.analyses.lens import after, read_lens
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of, plain_run


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "bloom"])
def test_all_queries_are_read_as_transformers_has_them(architecture: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny(architecture))
    found = session.ask(ReadDepths())
    model = session.model.model
    norm = next(m for name, m in model.named_modules() if name.split(".")[-1] in ("ln_f", "norm"))
    firsts = [ids[0] for ids in session.encoded.label_tokens]
    for query, lens in enumerate(found.lenses):
        with torch.no_grad(), session.model.plain():
            states = model(torch.tensor([ids_of(session.encoded, query)]), output_hidden_states=True).hidden_states
            normed = torch.stack([norm(state[0, -1]) for state in states[:-1]] + [states[-1][0, -1]])
            logits = model.get_output_embeddings()(normed).double()
        if architecture == "gemma2":
            cap = model.config.final_logit_softcapping
            logits = cap * (logits / cap).tanh()
        np.testing.assert_allclose(lens.mass, logits.softmax(-1)[:, firsts].sum(-1), atol=1e-5)
        np.testing.assert_allclose(np.diff(lens.scores), np.diff(logits[:, firsts]), atol=1e-3)
        assert found.readable.shape == (session.model.n_layers + 1,)


def test_one_query_is_read_as_all_are(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny("llama"))
    every = session.depths()
    for query in range(len(prompt.queries)):
        one = session.depth(query)
        np.testing.assert_allclose(one.lens.scores, every.lenses[query].scores, atol=1e-4)
        np.testing.assert_allclose(one.lens.mass, every.lenses[query].mass, atol=1e-6)


@pytest.mark.parametrize("beta", [False, True])
def test_the_shares_sum_to_the_lead_also_under_a_beta(beta: bool, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny("llama"))
    if beta:
        rng = np.random.default_rng(0)
        session = session.with_beta(rng.normal(size=session.beta_shape).astype(np.float32))
    found = session.depth(1)
    assert found.parts is not None
    assert sum(share.nats for share in shares(found.parts)) == pytest.approx(found.lead, abs=1e-4)
    sizes = [abs(share.nats) for share in shares(found.parts)]
    assert all(one >= other for one, other in pairwise(sizes))


def test_a_calibration_is_no_part_of_the_model(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    calibrated = Session(replace(prompt, calibration=Calibration.dividing("batch", (0.9, 0.05, 0.05))), session.model)
    found = calibrated.depth(0)
    assert found.parts is not None
    assert abs(found.lead - found.parts.difference) > 0.05
    assert "in the logits of their first tokens" in reading_of_parts(found)
    logits = plain_run(session.model, ids_of(calibrated.encoded, 0))
    first, second = (calibrated.encoded.label_tokens[label][0] for label in (found.answer, found.rival))
    assert found.parts.difference == pytest.approx(float(logits[first] - logits[second]), abs=1e-4)


def test_label_words_with_one_first_token_have_no_shares(prompt: Prompt, tiny: Tiny) -> None:
    labels = (*prompt.labels[:1], replace(prompt.labels[1], word=prompt.labels[0].word + "s"), *prompt.labels[2:])
    session = Session(replace(prompt, labels=labels, scoring="whole"), tiny())
    if session.encoded.label_tokens[0][0] != session.encoded.label_tokens[1][0]:
        pytest.skip("the tokenizer tells them apart")
    depths = [session.depth(query) for query in range(6)]
    said = {found.missing for found in depths if {found.answer, found.rival} == {0, 1}}
    assert said == {"the two label words begin with the same token, so nothing tells them apart there"}


def test_where_shares_do_not_sum_the_lens_is_still_read(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny("llama")
    model.layers[1].register_forward_hook(lambda module, args, output: output + 0.1 * output**3)
    found = Session(prompt, model).depth(0)
    assert found.parts is None and "LlamaForCausalLM" in found.missing
    assert reading_of_parts(found) == f"No direct shares: {found.missing}."
    assert len(found.lens.mass) == model.n_layers + 1


def auc_of(states: FloatArray, gold: Sequence[int | None]) -> StateAuc:
    """Beside scores of the output that know nothing."""
    found = state_auc([states], gold, np.random.default_rng(9).normal(size=(len(gold), 3)))
    assert found is not None
    return found


@pytest.mark.parametrize("counts", [(6, 6), (5, 40), (6, 9, 30)])
def test_states_that_know_nothing_have_half_of_the_area(counts: tuple[int, ...]) -> None:
    rng, gold = np.random.default_rng(0), [label for label, count in enumerate(counts) for _ in range(count)]
    found = [auc_of(rng.normal(size=(len(gold), 300)), gold) for _ in range(60)]
    values = [one.auc[0] for one in found]
    assert abs(np.mean(values) - 0.5) < 4 * np.std(values) / np.sqrt(len(found)) + 0.005
    outside = [not null.low <= value <= null.high for value, null in ((one.auc[0], one.shuffled[0]) for one in found)]
    assert np.mean(outside) < 0.17  # 5 % are, of knowing nothing
    shifted = rng.normal(size=(len(gold), 300)) + rng.normal(size=(3, 300))[gold]
    sure = auc_of(shifted, gold)
    assert sure.auc[0] > max(0.95, sure.shuffled[0].high) and sure.surely_as_well == [True]


def plain_auc(states: FloatArray, gold: Sequence[int]) -> float:
    """Of two labels, by the formula of `icldiag.analyses.depth.separation`."""
    used = states / states.std(axis=0)
    distance = ((used[:, None] - used) ** 2).sum(-1)
    leads = []
    for i in range(len(gold)):
        score = []
        for label in (0, 1):
            others = [j for j in range(len(gold)) if gold[j] == label and j != i]
            within = np.mean([distance[j, k] for j in others for k in others if j != k])
            score.append(within / 2 - distance[i, others].mean())
        leads.append(score[0] - score[1])
    first, second = ([lead for lead, of in zip(leads, gold, strict=True) if of == label] for label in (0, 1))
    return float(np.mean([(x > y) + 0.5 * (x == y) for x in first for y in second]))


def test_the_area_of_states_is_by_their_distance_to_the_others() -> None:
    rng, gold = np.random.default_rng(1), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, None, 2]
    states = rng.normal(size=(12, 4))
    found = auc_of(states, gold)
    assert (found.labels, found.queries) == ((0, 1), 10)
    assert found.auc[0] == pytest.approx(plain_auc(states[:10], [0] * 5 + [1] * 5))
    for none in ([0] * 12, [None] * 12):
        assert state_auc([states], none, np.zeros((12, 3))) is None


def test_what_shuffled_labels_give_is_counted_and_may_be_less_than_half() -> None:
    """A query that is left out takes its label's mean away. Against all ways to give five of ten a label."""
    states = np.random.default_rng(7).normal(size=(10, 2))
    ways = [[int(place in first) for place in range(10)] for first in combinations(range(10), 5)]
    plain = [plain_auc(states, way) for way in ways]
    null = auc_of(states, ways[0]).shuffled[0]
    assert np.mean(plain) < 0.48
    assert null.value == pytest.approx(np.mean(plain), abs=3.5 * np.std(plain) / np.sqrt(200))
    assert null.low == pytest.approx(np.percentile(plain, 2.5), abs=0.1)
    assert null.high == pytest.approx(np.percentile(plain, 97.5), abs=0.1)


def test_as_well_is_said_only_where_the_interval_says_so() -> None:
    """A difference of nothing on 12 queries is not 'as well'."""
    session = Session(sample_path("sentiment"), "bundled")
    every = session.depths()
    states = every.states
    assert states is not None
    for low, high, said in (
        (0.0, 0.1, "at least as well as the output's scores do"),
        (-0.1, 0.1, "by the intervals not surely better or worse than the output's scores"),
        (-0.2, -0.1, "not as well as the output's scores"),
    ):
        row = int(states.auc.argmax())
        less = tuple(Estimate(0.0, low, high) if place == row else None for place in range(len(states.auc)))
        told = reading(replace(every, states=replace(states, differences=less)))
        assert said in told and f"{after(row)}" in told.partition(":")[0].lower()
        assert f"AUC {states.estimates[row]} there, {states.output} of the scores" in told
    nothing = reading(replace(every, states=replace(states, differences=(None,) * len(states.auc))))
    assert "not surely better or worse" in nothing


CASES = ("all", "one query", "no gold labels", "one answer", "two labels")


def session_of(case: str) -> Session:
    session = Session(sample_path("sentiment" if case == "two labels" else "questions"), "bundled")
    queries = session.prompt.queries[:16]
    if case == "one query":
        queries = queries[:1]
    if case == "no gold labels":
        queries = tuple(replace(query, label=None) for query in queries)
    session = session.with_prompt(session.prompt.with_queries(queries))
    if case == "one answer":
        answers = session.prediction().predicted.tolist()
        alike = [query for query, answer in zip(queries, answers, strict=True) if answer == answers[0]]
        session = session.with_prompt(session.prompt.with_queries(alike))
    return session


@pytest.mark.parametrize("case", CASES)
def test_the_sentences_hold(case: str) -> None:
    check_sentences(session_of(case))


def check_sentences(session: Session) -> None:
    """Every number of the sentences, counted again from the lens of each query, read one by one."""
    prediction, every = session.prediction(), session.ask(ReadDepths())
    names, layers = prediction.labels, session.model.n_layers
    said = reading(every)
    decided = sorted(lens.decided(int(a)) or 99 for lens, a in zip(every.lenses, prediction.predicted, strict=True))
    row = decided[-(-len(decided) // 2) - 1]
    where = "in the output alone" if row == layers else f"from after layer {row - 1} on"
    if row not in (0, 99):
        assert f"for good {where}" in said
    assert ("no gold label is known" in said) == (not prediction.labelled)
    if prediction.labelled and not np.isnan(every.auc[-1]):
        share = re.search(r"(\d+)% of (\d+) labelled quer(?:y|ies) (?:is|are) right", said)
        assert share and int(share[1]) == pytest.approx(100 * (prediction.accuracy or 0), abs=0.6)
        assert int(share[2]) == len(prediction.labelled)
    if every.states is not None:
        there = re.search(r"AUC (\d\.\d\d) \(.* there, (\d\.\d\d) \(", said)
        assert there and float(there[1]) == pytest.approx(max(every.state_auc), abs=0.2)
        known = {every.states.labels.index(label) for label in every.states.labels}
        if len(known) == len(prediction.labels):
            assert float(there[2]) == pytest.approx(every.auc[-1], abs=0.006)
    for query in range(min(4, len(prediction))):
        found = session.ask(ReadDepth(query))
        told = reading_of_layers(found)
        with torch.no_grad():
            whole = session.model.run(batch_of([ids_of(session.encoded, query)], 0), keep_inputs=True)
        scores = read_lens(session.model, session.encoded, query, torch.cat([h[:, -1:] for h in whole.inputs])).scores
        leaders, readable = scores.argmax(1), found.lens.readable
        assert leaders[-1] == found.answer
        start = next(i for i in range(layers + 1) if readable[i:].all() and set(leaders[i:]) == {found.answer})
        if readable[layers - 1]:
            assert told.startswith(
                f"{names[found.answer]} leads all labels from {after(start)} to the end (logit lens)"
            )
        else:
            assert told.startswith("The logit lens cannot say from which layer on ") and "leads all" not in told
        if found.gold not in (None, found.answer) and readable[layers - 1]:
            led = [row for row in range(layers + 1) if readable[row] and leaders[row] == found.gold]
            ends = f"last leads {after(led[-1])}." if led else "leads nowhere that the lens can be read."
            assert told.endswith(f"The gold label {names[found.gold or 0]} {ends}")
        assert found.parts is not None
        parts = reading_of_parts(found)
        assert f"Of the {found.parts.difference:.1f} nats of {names[found.answer]} over {names[found.rival]}" in parts
        best = max(shares(found.parts), key=lambda share: share.nats)
        assert re.search(f"most for it comes from (the )?{best.name} ", parts)


def test_a_sweep_keeps_the_curves(prompt: Prompt, tiny: Tiny) -> None:
    from icldiag.analyses import ANALYSES
    from icldiag.model.readout import silent

    keep = ANALYSES["depth"].numbers
    assert keep is not None
    session = Session(prompt, tiny())
    found = keep(session, {}, 0, silent)
    assert found["accuracy"][-1] == pytest.approx(session.prediction().accuracy)
    assert set(found) >= {"auc", "state_auc", "mass", "spelled", "agreement", "decided"}
