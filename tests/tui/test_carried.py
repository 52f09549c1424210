"""A trained re-weighting on a prompt whose queries changed: only what is in the list now is counted and listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import ask
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from icldiag.tui import requests
from icldiag.tui.carried import carried, tried
from icldiag.tui.queries import Queries
from tests.conftest import Tiny
from tests.tui.pilot import running, screen_text, settle


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda queries: queries, (0, 1, 2, 3)),
        (lambda queries: queries[:-1], (0, 1, 2)),
        (lambda queries: queries[2:], (0, 1)),
        (lambda queries: queries[::-1], (0, 1, 2, 3)),
        (lambda queries: (*queries, Example("new", None)), (0, 1, 2, 3)),
        (lambda queries: (Example("new", None), *queries[1:]), (1, 2, 3)),
        (lambda queries: (Example("new", None),), ()),
    ],
)
def test_what_it_did_is_told_of_the_queries_that_are_there(
    tiny: Tiny,
    prompt: Prompt,
    change: Callable[[tuple[Example, ...]], tuple[Example, ...]],
    wanted: tuple[int, ...],
) -> None:
    examples = tuple(Example(f"Who is number {i} ?", i % 3) for i in range(6))
    prompt = replace(prompt, examples=examples, queries=prompt.queries[:4])
    trained = Session(prompt, tiny()).reweighting(TrainingSettings(per_class=1, epochs=2))
    now = prompt.with_queries(change(prompt.queries))
    (kept,) = carried({requests.reweighting(): trained}, prompt, now).values()
    (kept,) = carried({requests.reweighting(): kept}, now, now).values()  # another change
    found, queries = tried(kept, now)
    assert queries == wanted
    for row, place in enumerate(queries):
        old = prompt.queries.index(now.queries[place])
        for part, whole in ((found.before, trained.before), (found.after, trained.after)):
            assert part.predicted[row] == whole.predicted[old]
            np.testing.assert_array_equal(part.probabilities[row], whole.probabilities[old])
            assert part.gold[row] == now.queries[place].label
    assert len(found.changed) <= len(queries)
    other = replace(now, calibration=Calibration.dividing("batch", (0.5, 0.3, 0.2)))
    assert tried(kept, other)[1] == ()  # all answers are others


async def test_a_query_that_was_taken_back_is_not_listed(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        n = len(app.state.prompt.queries)
        app.edits.change(lambda prompt: ask(prompt, "Where do zebras live ?"), n)
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("6", "s")
        await settle(pilot, lambda: requests.reweighting() in app.state.results)
        app.edits.undo()
        await settle(pilot, lambda: app.state.prediction)
        found, queries = tried(app.state.results[requests.reweighting()], app.state.prompt)
        assert queries == tuple(range(n))
        text = " ".join(screen_text(app).split())
        assert f"{len(found.changed)} answer" in text
        assert "zebras" not in text
        app.edits.ask("Where is the moon ?")
        app.query_one(Queries).select(n)
        await settle(pilot, lambda: app.state.prediction)
        text = " ".join(screen_text(app).split())
        assert "before this query was asked" in text
        assert f"Of the {n + 1} queries it was tried on {n}" in text
        await pilot.press("b")
        await settle(pilot, lambda: app.state.beta_on and app.state.prediction)
