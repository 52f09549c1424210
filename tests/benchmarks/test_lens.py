"""The benchmark of the logit lens: its rows against the lens of each query."""

from __future__ import annotations

from benchmarks.lens import rows
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.analyses.test_lens import lens_of
from tests.conftest import Tiny


def test_there_is_a_row_for_every_layer_but_the_last(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    found = rows(session, 3)
    asked = session.with_prompt(prompt.with_queries(prompt.queries[::2][:3]))
    expected = []
    for query, answer in enumerate(asked.prediction().predicted.tolist()):
        lens = lens_of(asked, query)
        for row in range(lens.layers):
            others = [score for label, score in enumerate(lens.scores[row].tolist()) if label != answer]
            expected.append((lens.mass[row] / lens.mass[-1], lens.scores[row, answer] > max(others)))
    assert [leads for _, leads in found] == [leads for _, leads in expected]
    assert all(abs(a[0] - b[0]) < 1e-3 * max(1, b[0]) for a, b in zip(found, expected, strict=True))
