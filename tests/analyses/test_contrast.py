"""Contrast against plain autograd, its words against the texts, its deletions against prompts written by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from icldiag.analyses.contrast import Contrast, Deletion
from icldiag.analyses.contrast.compute import MEASURES
from icldiag.analyses.contrast.reading import reading, reading_of_deletion, reading_of_itself
from icldiag.analyses.contrast.words import without, words_of
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of, plain_run


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "bloom", "falcon", "gpt_neox", "opt", "gpt_oss"])
@pytest.mark.parametrize("recompute", [False, True])
def test_both_measures_are_plain_autograd(architecture: str, recompute: bool, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny(architecture))
    session.model.recomputes = recompute
    query = 1
    found = session.contrast(query)
    ids = ids_of(session.encoded, query)
    first, second = (session.encoded.label_tokens[label][0] for label in (found.answer, found.rival))
    begun: list[torch.Tensor] = []

    def begin(module: Any, args: Any, kwargs: Any) -> Any:
        hidden = (args[0] if args else kwargs["hidden_states"]).detach().requires_grad_()
        begun.append(hidden)
        return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

    handle = session.model.layers[0].register_forward_pre_hook(begin, with_kwargs=True)
    record: dict[int, torch.Tensor] = {}
    logits = plain_run(session.model, ids, record=record)
    (logits[first] - logits[second]).backward()  # type: ignore[no-untyped-call]
    handle.remove()
    assert begun[0].grad is not None
    assert found.lead == pytest.approx(float((logits[first] - logits[second]).detach()), abs=1e-4)
    wanted = (begun[0] * begun[0].grad).sum(-1)[0].detach()
    np.testing.assert_allclose(found.gradient, wanted, atol=1e-4 * float(wanted.abs().max()))
    for layer, attention in record.items():
        assert attention.grad is not None
        flow = (attention * attention.grad).sum(1)[0, -1, : len(ids)].detach()
        atol = 1e-4 * max(float(flow.abs().max()), 1e-6)
        np.testing.assert_allclose(found.flow[layer, :-1], flow[:-1], atol=atol)
        assert found.flow[layer, -1] == 0  # no word's
        assert found.of_itself[layer] == pytest.approx(float(flow[-1]), abs=atol)
    assert found.gradient.min() < 0 < found.gradient.max()


def test_what_flow_leaves_out_is_said_with_its_number(prompt: Prompt, tiny: Tiny) -> None:
    found = Session(prompt, tiny()).contrast(1)
    assert abs(found.of_itself.sum()) >= 0.005  # else there would be nothing to say
    assert f"of itself ({found.of_itself.sum():+.2f})" in reading_of_itself(found)


def test_the_first_token_stands_alone(prompt: Prompt, tiny: Tiny) -> None:
    """Many heads attend to it where they read nothing: no word, demonstration or field has its weight."""
    found = Session(prompt, tiny()).contrast(1)
    first = found.groups[0]
    assert (first.name, first.words) == ("first token", ())
    for measure in MEASURES:
        tokens, words = found.tokens(measure), found.of_words(measure)
        assert found.of_groups(measure)[0] == found.of_fields(measure)["first token"] == tokens[0] != 0
        assert words[0] == pytest.approx(tokens[1 : found.words[0].tokens[1]].sum())
        sunk = replace(found, gradient=found.gradient.copy(), flow=found.flow.copy())
        sunk.gradient[0] = sunk.flow[0, 0] = 99.0
        assert reading(sunk, measure) == reading(found, measure)
        assert sunk.of_words(measure).tolist() == words.tolist()


@pytest.mark.parametrize("random", [-1.0, 0.5, 3.0])
def test_a_ranking_that_its_own_deletions_refute_says_so_first(random: float, prompt: Prompt, tiny: Tiny) -> None:
    found = Session(prompt, tiny()).deletion(1)
    left = {measure: np.full(4, float(place)) for place, measure in enumerate(MEASURES)}  # flow leaves 0, the other 1
    drawn = np.full((8, 4), random) + 0.01 * np.random.default_rng(0).normal(size=(8, 4))
    found = replace(found, leads=left, random=drawn)
    for measure, lead in zip(MEASURES, (0.0, 1.0), strict=True):
        told, more = reading(found.contrast, measure, found), found.more(measure)
        assert more is not None and more.value == pytest.approx(random - lead, abs=0.02)
        assert told.endswith(reading(found.contrast, measure))
        assert told.startswith(f"Not borne out: the words that {measure} ranks first do not surely") == (random < lead)
        assert (
            f"{measure} finds words that matter surely {'less' if random < lead else 'more'} ("
            in reading_of_deletion(found)
        )
    assert reading(found.contrast, deletion=replace(found, sizes=())) == reading(found.contrast)
    one = replace(found, random=drawn[:1])
    assert one.more("flow") is None and "one random draw says nothing" in reading_of_deletion(one)


def test_the_whole_curve_decides_and_not_its_last_point(prompt: Prompt, tiny: Tiny) -> None:
    """Eight random words leave as little as the measure's: what it finds among the first four still shows."""
    found = Session(prompt, tiny()).deletion(1)
    curve, noise = np.array([1.0, 0.5, 0.2, 0.0]), 0.05 * np.random.default_rng(1).normal(size=(8, 4))
    drawn = np.array([3.0, 2.5, 2.0, 0.0]) + noise
    found = replace(found, leads=dict.fromkeys(MEASURES, curve), random=drawn)
    more, each = found.more("flow"), (drawn - curve).mean(axis=1)
    assert found.telling == MEASURES and more is not None
    half = 2.3646 * each.std(ddof=1) / np.sqrt(8)  # Student's t of 7
    assert (more.value, more.low, more.high) == pytest.approx(
        (each.mean(), each.mean() - half, each.mean() + half), 1e-4
    )
    wide = replace(found, random=drawn + np.arange(-40, 40, 10)[:, None])
    assert not wide.telling and "not surely more" in reading_of_deletion(wide)


def test_whole_words_and_a_beta_are_those_of_the_answer(prompt: Prompt, tiny: Tiny) -> None:
    """By finite differences of the lead in the direction of one token's state."""
    labels = (Label("Person", " Person or man"), Label("Location", " Location"), Label("Number", " Number of it"))
    session = Session(replace(prompt, labels=labels, scoring="whole"), tiny("llama"))
    rng = np.random.default_rng(0)
    session = session.with_beta(0.3 * rng.normal(size=session.beta_shape).astype(np.float32))
    found = session.contrast(0)
    length = len(session.encoded.prefix)
    token = int(np.abs(found.gradient[:length]).argmax())
    leads = []
    for by in (1.01, 0.99):

        def scaled(module: Any, args: Any, kwargs: Any, by: float = by) -> Any:
            hidden = (args[0] if args else kwargs["hidden_states"]).clone()
            if hidden.shape[1] == length:  # the demonstrations' pass
                hidden[:, token] *= by
            return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

        handle = session.model.layers[0].register_forward_pre_hook(scaled, with_kwargs=True)
        other = Session(session.prompt, session.model, session.beta).prediction()
        handle.remove()
        leads.append(other.scores[0, found.answer] - other.scores[0, found.rival])
    assert (leads[0] - leads[1]) / 0.02 == pytest.approx(found.gradient[token], rel=0.05)
    assert found.lead == pytest.approx(np.mean(leads), abs=0.01)


def test_words_are_those_of_the_texts(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    for query, example in enumerate(prompt.queries):
        words = words_of(session.encoded, session.query_tokens(query), query)
        assert [word.tokens[0] for word in words[1:]] == [word.tokens[1] for word in words[:-1]]
        assert words[-1].tokens[1] == len(ids_of(session.encoded, query))
        own = [word.text.strip() for word in words if word.removable and word.demonstration is None]
        assert own == example.text.split()
        for place, shown in enumerate(prompt.demonstrations):
            assert [w.text.strip() for w in words if w.demonstration == place and w.removable] == shown.text.split()
        labels = [word.text.strip() for word in words if word.role == "label"]
        assert labels == [prompt.labels[shown.known_label].word.strip() for shown in prompt.demonstrations]


def test_groups_and_fields_share_all_of_it(prompt: Prompt, tiny: Tiny) -> None:
    found = Session(replace(prompt, instruction="Say the type."), tiny()).contrast(2)
    assert [group.name for group in found.groups] == [
        "first token",
        "before them",
        "1 Person",
        "2 Location",
        "3 Number",
        "4 Person",
        "query",
    ]
    for measure in MEASURES:
        whole = found.tokens(measure).sum()
        assert found.of_groups(measure).sum() == pytest.approx(whole)
        assert sum(found.of_fields(measure).values()) == pytest.approx(whole)
        assert set(found.of_fields(measure)) >= {"{text}", "label", "template"}


def test_words_are_taken_out_of_the_right_text(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    words = words_of(session.encoded, session.query_tokens(0), 0)
    gone = [word for word in words if word.text.strip() in ("opera", "Who", "slow") and word.removable]
    changed = without(prompt, 0, gone)
    assert [example.text for example in changed.demonstrations] == [
        "wrote the in the park ?",
        "Where does the river meet the sea ?",
        "How many bridges cross the canal ?",
        "cross the sea last summer ?",
    ]
    assert [query.text for query in changed.queries] == ["wrote the film ?"]
    assert changed.demonstrations[3].label == prompt.demonstrations[3].label
    everything = without(prompt, 0, [word for word in words if word.removable])
    assert {example.text for example in (*everything.demonstrations, *everything.queries)} == {""}


def test_a_deletion_is_the_prompt_without_the_words(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny("llama"))
    found = session.deletion(1, draws=3, seed=5)
    contrast = found.contrast
    assert found.sizes == (1, 2, 4, 8) and found.random.shape == (3, 4)
    for measure in MEASURES:
        weights = contrast.of_words(measure)
        order = found.words[measure]
        assert sorted(order, key=lambda place: -weights[place]) == list(order)
        for place, size in enumerate(found.sizes):
            by_hand = without(prompt, 1, [contrast.words[at] for at in order[:size]])
            plain = Session(by_hand, session.model).prediction()
            lead = plain.scores[0, contrast.answer] - plain.scores[0, contrast.rival]
            assert found.leads[measure][place] == pytest.approx(lead, abs=1e-4)
            assert found.answers[measure][place] == plain.predicted[0]
    assert found.random.tolist() == session.with_prompt(prompt).deletion(1, draws=3, seed=5).random.tolist()


CASES = ("all", "no gold labels", "two labels", "no words")


def case_of(case: str) -> Session:
    session = Session(sample_path("sentiment" if case == "two labels" else "questions"), "bundled")
    queries = session.prompt.queries[:3]
    if case == "no gold labels":
        queries = tuple(replace(query, label=None) for query in queries)
    if case == "no words":
        shown = tuple(replace(example, text="") for example in session.prompt.demonstrations)
        return session.with_prompt(replace(session.prompt, demonstrations=shown, queries=(Example("", 0),), beta=None))
    return session.with_prompt(session.prompt.with_queries(queries))


@pytest.mark.parametrize("case", CASES)
def test_the_sentences_hold(case: str) -> None:
    session = case_of(case)
    for query in range(len(session.prompt.queries)):
        check_reading(session.contrast(query), session)
        check_deletion(session.deletion(query))


def check_reading(found: Contrast, session: Session) -> None:
    names = session.prompt.label_names
    for measure in MEASURES:
        told, weights = reading(found, measure), found.of_groups(measure)
        sums = dict(zip((group.name for group in found.groups), weights.tolist(), strict=True))
        del sums["first token"]
        best = max(sums, key=lambda name: sums[name])
        if sums[best] > 0:
            assert f"pushes most towards {names[found.answer]} ({sums[best]:+.2f})" in told
            assert best == "before them" or best.split(" ")[0] in told
        worst = min(sums, key=lambda name: sums[name])
        if sums[worst] < 0:
            assert f"pushes most towards {names[found.rival]} ({sums[worst]:+.2f})" in told


def check_deletion(found: Deletion) -> None:
    told = reading_of_deletion(found)
    if not found.sizes:
        assert "No words are taken out" in told
        return
    numbers = [float(one) for one in re.findall(r"[+-]\d+\.\d", told)]
    left = [found.leads[measure].mean() for measure in MEASURES]
    beside = [number for one in map(found.more, MEASURES) if one for number in (one.value, one.low, one.high)]
    assert numbers == pytest.approx([*left, found.random.mean(), *beside], abs=0.051)
    for measure, lead in zip(MEASURES, left, strict=True):
        more = found.random.mean(axis=1) - lead
        sure = more.mean() > stats.t.ppf(0.975, found.draws - 1) * stats.sem(more)
        assert (measure in found.telling) == sure == (f"{measure} finds words that matter surely more" in told)
