"""Sentences of the evidence, each counted again from the numbers beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.overview.reading import lines
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny


@pytest.mark.parametrize("queries", [1, 2, 5])
def test_a_demonstration_left_out_is_told_with_its_sign(queries: int, tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt.with_queries(prompt.queries[:queries]), tiny()).overview()
    assert found.stability is not None
    signs = set()
    for sign in (1.0, -1.0):  # as it is, and were every change the other way
        left_out = tuple(
            replace(run, scores=found.stability.scores + sign * (run.scores - found.stability.scores))
            for run in found.stability.left_out
        )
        changed = replace(found, stability=replace(found.stability, left_out=left_out))
        assert changed.stability is not None
        means = [sum(row) / len(row) for row in changed.stability.matrix.tolist()]
        (said,) = [line.sentence for line in lines(changed) if line.name == "demonstrations"]
        if changed.stability.harmful is None:
            best = max(means)
            place = means.index(best)
            assert f"without demonstration {place + 1} (" in said
            assert f"{'gain' if best > 0 else 'lose'}{'' if queries > 1 else 's'} {abs(best):.1f} nats" in said
            assert f"the {'most' if best > 0 else 'least'} of {len(means)} left out" in said
            assert ("on average" in said) == (queries > 1)
            signs.add(best > 0)
    assert signs
