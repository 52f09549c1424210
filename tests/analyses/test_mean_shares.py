"""Mean direct shares and leads in nats, against each query's own; the sentences of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.depth import MeanShares
from icldiag.analyses.depth.reading import reading_of_means, shares
from icldiag.prompt.schema import Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.conftest import Tiny


def test_the_means_are_of_the_right_and_of_the_wrong_answers() -> None:
    session = Session(sample_path("questions"), "bundled")
    session = session.with_prompt(session.prompt.with_queries(session.prompt.queries[:10]))
    prediction = session.prediction()
    parts: list[MeanShares] = []
    found = session.shares(8, each_query=parts.append)
    assert [len(part.queries) for part in parts] == list(range(1, 9)) and found.of == 8
    assert {query for query in prediction.wrong if query in found.queries}
    told = reading_of_means(found)
    for name, chosen in found.groups.items():
        own = [query for query, inside in zip(found.queries, chosen, strict=True) if inside]
        assert {query in prediction.wrong for query in own} == {name == "wrong"}
        depths = [session.depth(query) for query in own]
        mean = found.mean(chosen)
        np.testing.assert_allclose(mean.heads, np.mean([one.parts.heads for one in depths if one.parts], axis=0))
        assert mean.difference == pytest.approx(np.mean([one.lead for one in depths]), abs=1e-3)
        assert sum(share.nats for share in shares(mean)) == pytest.approx(mean.difference, abs=1e-3)
        assert f"{len(own)} {name} answer" in told and f"({mean.difference:+.1f} nats over the rival)" in told


def test_without_gold_labels_and_without_shares_it_is_said(prompt: Prompt, tiny: Tiny) -> None:
    bare = prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    session = Session(bare, tiny("llama"))
    assert list(session.shares().groups) == ["unlabelled"]
    assert list(session.depths().gold_leads) == ["all"]
    model = tiny("llama")
    model.layers[1].register_forward_hook(lambda module, args, output: output + 0.1 * output**3)
    assert reading_of_means(Session(prompt, model).shares()).startswith("No direct shares: ")


def test_leads_are_the_labels_scores_apart(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    every = session.depths()
    for name, chosen in (("right", every.right), ("wrong", every.wrong)):
        plain = []
        for query in np.flatnonzero(chosen):
            gold, scores = every.gold[query], every.lenses[query].scores
            others = [label for label in range(len(every.labels)) if label != gold]
            plain.append([row[gold] - max(row[other] for other in others) for row in scores])
        if plain:
            np.testing.assert_allclose(every.gold_leads[name], np.mean(plain, axis=0))
            assert (every.gold_leads[name][-1] > 0) == (name == "right")
    one = session.depth(1)
    assert one.leads[-1] == pytest.approx(one.lead, abs=1e-4)
