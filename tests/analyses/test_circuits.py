"""Heads ranked by cuts: against Isolate and against the plain model with the same columns hidden from one head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from icldiag.analyses.circuits import compute as circuits
from icldiag.analyses.circuits.compute import Circuit, Effect, RankHeads
from icldiag.analyses.circuits.reading import reading
from icldiag.analyses.contest import contest_of
from icldiag.analyses.isolation.cuts import TARGET_CUTS, Cut
from icldiag.analyses.isolation.edits import cut_columns
from icldiag.analyses.prediction.compute import Prediction
from icldiag.errors import AnalysisError
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.architectures import ARCHITECTURES
from tests.conftest import Tiny
from tests.eager import ids_of, plain_run


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_cut_head_is_as_in_the_plain_model(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    session = Session(prompt, model)
    firsts = [tokens[0] for tokens in session.encoded.label_tokens]
    heads = ((1, 2), (3, 0))
    for kind in TARGET_CUTS:
        columns = cut_columns(session.encoded, kind)

        def hide(layer: int, scores: Tensor, attention: Tensor, columns: Any = columns) -> Tensor:
            changed = scores.clone()
            for at, head in heads:
                if at == layer:
                    changed[:, head, -1, columns] = torch.finfo(scores.dtype).min
            return changed.softmax(-1)

        wanted = plain_run(model, ids_of(session.encoded, 1), hide)[firsts].softmax(-1).detach().numpy()
        found = session.isolate(Cut.of_heads(kind, heads)).answers.probabilities[1]
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_forerunners_are_hidden_from_the_label_words(tiny: Tiny, prompt: Prompt) -> None:
    model = tiny("llama")
    session = Session(prompt, model)
    firsts = [tokens[0] for tokens in session.encoded.label_tokens]

    def hide(layer: int, scores: Tensor, attention: Tensor) -> Tensor:
        if layer not in (0, 2):
            return attention
        changed = scores.clone()
        for one in session.encoded.demonstrations:
            changed[:, :, slice(*one.label), one.forerunner] = torch.finfo(scores.dtype).min
        return changed.softmax(-1)

    wanted = plain_run(model, ids_of(session.encoded, 1), hide)[firsts].softmax(-1).detach().numpy()
    found = session.isolate(Cut.of("forerunner_to_label", [0, 2])).answers.probabilities[1]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert not np.allclose(found, session.prediction().probabilities[1], atol=1e-4)


def test_effects_are_those_of_isolate(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny())
    parts: list[Circuit] = []
    found = session.heads(each_cut=parts.append)
    before = session.prediction()
    for one in found.ranked[:3]:
        after = session.isolate(Cut.of_heads("label_to_target", [(one.layer, one.head)])).answers
        assert one.cut.stay == round(after.label_loyalty * len(before))
    every = [(layer, head) for layer in range(4) for head in range(4)]
    whole = session.isolate(Cut.of("label_to_target", range(4))).answers
    assert found.everywhere is not None
    assert found.everywhere.stay == round(whole.label_loyalty * len(before))
    assert session.isolate(Cut.of_heads("label_to_target", every)).answers.label_loyalty == whole.label_loyalty
    assert found.together[0].cut == found.ranked[0].cut
    assert [part.estimated for part in parts[:-1]] == list(range(1, len(before) + 1))
    assert parts[0].everywhere is None and "first estimate from 1 query" in reading(parts[0])


def test_parts_are_of_the_queries_that_were_asked(tiny: Tiny, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cuts do to the queries so far is what Isolate says of these; asking more at once changes nothing."""
    session = Session(prompt, tiny())
    monkeypatch.setattr(circuits, "AT_ONCE", 2)
    parts: list[Circuit] = []
    found = session.heads(each_cut=parts.append)
    cuts = [part for part in parts if part.everywhere is not None]
    assert [len(part.queries) for part in cuts] == [*range(2, len(prompt.queries), 2), len(prompt.queries)]
    one = cuts[0].ranked[0]
    before = session.prediction()
    after = session.isolate(Cut.of_heads("label_to_target", [(one.layer, one.head)])).answers
    rows = list(cuts[0].queries)
    lost = [
        (before.scores[row] - np.log(after.probabilities[row])) @ sign for row in rows for sign in [_lead(before, row)]
    ]
    assert one.cut.lost == pytest.approx(np.mean(lost), abs=1e-4)
    assert one.cut.error == pytest.approx(np.std(lost, ddof=1) / np.sqrt(len(lost)), abs=1e-4)
    assert one.cut.stay == sum(after.predicted[row] == before.predicted[row] for row in rows)
    assert reading(cuts[0]).startswith("So far, on 2 queries: label words -> target cut in all heads, ")
    assert all(not part.together for part in parts) and found.together
    monkeypatch.setattr(circuits, "AT_ONCE", 60)
    whole = Session(prompt, session.model).heads()
    assert [(head.layer, head.head, head.cut.stay) for head in whole.ranked] == [
        (head.layer, head.head, head.cut.stay) for head in found.ranked
    ]
    np.testing.assert_allclose(
        [step.cut.lost for step in whole.together], [s.cut.lost for s in found.together], atol=1e-4
    )


def _lead(before: Prediction, query: int) -> np.ndarray:
    """(C,) what a query's scores are multiplied with for its lead."""
    contest = contest_of(before, query)
    sign = np.zeros(len(before.labels))
    sign[contest.answer], sign[contest.rival] = 1, -1
    return sign


def test_the_estimate_is_first_order(tiny: Tiny, prompt: Prompt) -> None:
    """Heads that read little of the columns lose about what is estimated."""
    found = Session(prompt, tiny("llama")).heads(measured=16)
    estimates = np.array([one.estimate for one in found.ranked])
    lost = np.array([one.cut.lost for one in found.ranked])
    assert np.corrcoef(estimates, lost)[0, 1] > 0.5


def test_anchor_heads_take_half_or_there_are_none(tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt, tiny()).heads()
    assert found.everywhere is not None
    if found.anchor_heads:
        assert found.half is not None and found.half.cut.lost >= found.everywhere.lost / 2
        assert len(found.anchor_heads) == found.half.heads
    else:
        assert not found.carried or all(step.cut.lost < found.everywhere.lost / 2 for step in found.together)


def test_the_head_that_works_most_against_the_answers_is_named(tiny: Tiny, prompt: Prompt) -> None:
    found = replace(Session(prompt, tiny()).heads(asked=2, measured=2), everywhere=Effect(1, 1.0, 0.1))
    first, second = found.ranked
    against = replace(second, cut=replace(second.cut, lost=-0.5))
    said = reading(replace(found, ranked=(replace(first, cut=replace(first.cut, lost=0.2)), against)))
    assert said.endswith(f" Head {second.layer}.{second.head} works against it: cut alone, the lead gains 0.50 nats.")
    faint_everywhere = replace(found, everywhere=Effect(1, 1.0, 0.6))
    assert "less than two standard errors" in reading(faint_everywhere)
    assert "standard errors" not in reading(found)
    faint = replace(second, cut=replace(second.cut, lost=-0.05))
    assert "works against" not in reading(replace(found, ranked=(faint,)))


def test_heads_that_cancel_each_other_are_not_said_to_carry_nothing(tiny: Tiny, prompt: Prompt) -> None:
    found = replace(Session(prompt, tiny()).heads(asked=2, measured=2), everywhere=Effect(2, 0.02, 0.3))

    def said(everywhere: float, *lost: float) -> str:
        ranked = [replace(one, cut=replace(one.cut, lost=nats)) for one, nats in zip(found.ranked, lost, strict=True)]
        return reading(replace(found, ranked=tuple(ranked), everywhere=Effect(2, everywhere, 0.3)))

    first, second = (f"{one.layer}.{one.head}" for one in found.ranked)
    whole = (
        "label words -> target as a whole moves the lead little: cut in all heads, 2 of 2 answers stay, and the lead"
    )
    assert said(0.02, -0.5, 0.4) == (
        f"{whole} loses 0.02 ± 0.30 nats. Its heads work against each other: with {second} cut alone the lead loses "
        f"0.40 nats, with {first} it gains 0.50."
    )
    assert said(-0.02, 0.0, 0.4) == (
        f"{whole} gains 0.02 ± 0.30 nats. A single head does more: with {second} cut alone the lead loses 0.40 nats."
    )
    assert said(0.02, 0.05, 0.05) == f"{whole} loses 0.02 ± 0.30 nats."
    assert said(-0.7, -0.2, 0.0) == (
        "label words -> target as a whole works against the lead: cut in all heads, 2 of 2 answers stay, and the lead "
        "gains 0.70 ± 0.30 nats."
    )


def test_refusals(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny())
    with pytest.raises(AnalysisError, match="no cut of what the target reads"):
        session.ask(RankHeads("text_to_label"))
    with pytest.raises(AnalysisError, match="name heads for what the target reads"):
        Cut.of_heads("text_to_label", [(0, 0)])
    with pytest.raises(AnalysisError, match="heads 0 to 3"):
        session.isolate(Cut.of_heads("label_to_target", [(0, 9)]))
    only = Cut.of("label_to_target", [2], heads=[(1, 1)]).within(4, 4)
    assert only.layers == () and only.heads == ()  # nothing is cut, not all heads of layer 2
