"""Examples in panels that wait for a key are what the panels show of the sample, and are marked as that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from icldiag.analyses.repairs import Repairs
from icldiag.analyses.reweighting.section import effect_in_words
from icldiag.analyses.timing import TimeQueries
from icldiag.model.pace import Pace
from icldiag.render.look import DARK
from icldiag.samples import DEFAULT_SAMPLE, sample_path
from icldiag.session import Session
from icldiag.tui.examples import WIDTH, example
from icldiag.tui.panels import PANELS
from icldiag.tui.panels.cost import cost
from icldiag.tui.queries import Queries
from tests.tui.pilot import lines_of, running, screen_text, settle


def test_the_numbers_are_the_samples() -> None:
    """Made by tools/examples.py."""
    session = Session(sample_path(DEFAULT_SAMPLE))
    trained = session.reweighting()
    text = " ".join(example("reweight", DARK).plain.split())
    assert f"It {effect_in_words(trained.after)}." in text
    assert f"{trained.loss[-1]:.2f} mean loss" in text
    compression = session.compression(draws=1, timed=False)
    rows = [line.split() for line in example("compress", DARK).plain.splitlines()]
    for name, method in (("kept", compression.hidden_anchor), ("text", compression.text_anchor)):
        (numbers,) = (row[-4:] for row in rows if row[:1] == ["anchors"] and name in row)
        answers = method.answers
        shown = [answers.label_loyalty, answers.word_loyalty, answers.accuracy or 0.0]
        assert numbers == [*(f"{value:.2f}" for value in shown), str(len(method.kept_positions))]


def test_each_is_marked_and_fits_a_narrow_terminal() -> None:
    for panel in PANELS:
        text = example(panel.title.lower(), DARK).plain
        assert bool(text) == bool(panel.example)
        if text:
            assert text.startswith(f"EXAMPLE, not this prompt: sample {DEFAULT_SAMPLE}")
            assert max(map(len, text.split("\n"))) <= WIDTH


async def test_it_goes_when_the_key_was_pressed(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("7")
        await settle(pilot)
        assert "EXAMPLE, not this prompt" in screen_text(app)
        assert "Estimated time: " in " ".join(screen_text(app).split())
        await pilot.press("s")
        await settle(pilot, lambda: app.panel.settled())
        assert "EXAMPLE" not in screen_text(app)


async def test_a_cost_is_an_estimate_and_measured_where_the_answers_came_from_disk(
    prompt_file: Path, model_folder: Path
) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        session = app.state.session
        assert session is not None
        tokens = sum(len(query.ids) for query in session.encoded.queries) / 5
        session.model.pace = Pace()
        session.model.pace.add(968, 1.0)  # 1 ms a token, what a pass does once included
        assert cost(app.panel, 20_000 / tokens) == "Estimated time: 20 s."
        assert cost(app.panel, 400_000 / tokens) == "Estimated time: 7 min."
        session.model.pace = Pace()
        app.state.results.pop(TimeQueries(), None)
        assert cost(app.panel, 40) == "How long that takes is being measured."
        await settle(pilot, lambda: TimeQueries() in app.state.results)
        assert session.model.pace.per_token is not None
        assert cost(app.panel, 40).startswith("Estimated time: ")
        session.model.pace = Pace()  # as where passes cannot be timed
        assert cost(app.panel, 40).startswith("Estimated time: ")
        app.state.stored = True
        app.state.results.clear()
        assert cost(app.panel, 40) == "How long that takes is not known yet: the answers came from disk."
        app.state.stored = False


async def test_the_key_to_repair_says_before_what_it_takes(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Repairs, "sure", property(lambda self: False))  # else Why points to it instead
    async with running(prompt_file, model_folder, (100, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await settle(pilot, lambda: app.panel.settled())
        assert re.search(r"m searches for changes.*: .*(about|less than) ", " ".join(app.panel.plain_text().split()))
        app.query_one(Queries).select(4)
        await pilot.press("1")
        await settle(pilot, lambda: app.panel.settled())
        said = r"m searches for what fixes this query: up to 40 candidates, in (about|less than) [^.]*\."
        assert re.fullmatch(said, lines_of(app, "#search")[0])
