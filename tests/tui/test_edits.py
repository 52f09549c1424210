"""Changes of the prompt through Pilot: in place, typed ahead, taken back, pinned beside the state before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.text import Text
from textual import events
from textual.widgets import Input, Static

from icldiag.analyses.saliency.compute import Flow
from icldiag.prompt.read import read_prompt
from icldiag.session import Session
from icldiag.tui.ask import AskScreen
from icldiag.tui.comparison import with_differences
from icldiag.tui.matrix import Matrix
from icldiag.tui.messages import JobFinished, QueryChosen
from icldiag.tui.panels.confusion import ConfusionPanel
from icldiag.tui.run import Run
from icldiag.tui.top import top_line
from tests.tui.pilot import PROMPT, running, says, screen_text, settle


async def test_a_prompt_is_changed_in_place_and_back(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        written, before = app.state.prompt, app.state.prediction
        assert written is not None
        assert before is not None
        await pilot.press("8", "m")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        assert app.state.prompt.demonstrations[:2] == written.demonstrations[1::-1]
        assert app.state.prediction is not before
        await pilot.press("d")
        await settle(pilot, lambda: app.state.prediction)
        assert len(app.state.prompt.demonstrations) == len(written.demonstrations) - 1
        assert "EDITED 2x" in screen_text(app)
        await pilot.press("u", "u")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt == written
        assert app.state.prediction is not None
        assert app.state.prediction.probabilities.tolist() == before.probabilities.tolist()
        assert "EDITED" not in screen_text(app)


async def test_a_label_word_is_renamed_and_saved(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        name = app.state.prompt.label_names[app.state.prompt.demonstrations[0].label or 0]
        await pilot.press("8", "l", "ctrl+u", *"Who", "enter")
        await settle(pilot, lambda: app.state.prediction)
        assert " Who" in [label.word for label in app.state.prompt.labels if label.name == name]
        assert "EDITED" in top_line(app.state, 200).plain
        await pilot.press("w", "enter")
        await settle(pilot, lambda: app.state.path.name == "prompt-edited.yaml")
        assert " prompt-edited.yaml " in top_line(app.state, 200).plain
        assert "EDITED" not in top_line(app.state, 200).plain
        await pilot.press("u")
        await settle(pilot, lambda: app.state.prediction)
        assert "EDITED" in top_line(app.state, 200).plain  # the new file holds what was undone
        await pilot.press("l", "ctrl+u", *"Who", "enter")
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("w", "ctrl+u", *"prompt-edited", "enter")
        await settle(pilot)
        assert isinstance(app.screen, AskScreen)
        assert says(app, "nothing is written over; this name is free.")
        assert "prompt-edited-2.yaml" in screen_text(app)
        await pilot.press("ctrl+u", *"other", "enter")
        await settle(pilot)
    for name in ("prompt-edited.yaml", "other.yaml"):
        assert read_prompt(tmp_path / name).hash == app.state.prompt.hash


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * 300, "too long"),
        ("/", "That is a folder"),
        ("~nobody-of-this-name/x", "no such folder"),
        ("a/b\0", "no such folder"),
        ("b\0", "null byte"),
        ("   ", "Type a name for the file."),
    ],
    ids=["long", "root", "user", "folder", "nul", "empty"],
)
async def test_a_name_that_no_file_can_have_is_told_and_can_be_mended(
    name: str, why: str, prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8", "w")
        await settle(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = name
        await pilot.press("enter")
        await settle(pilot, lambda: why in str(app.screen.query_one(".keys", Static).content))
        assert app.screen.query_one(Input).value == name
        assert not [*(tmp_path / "here").iterdir()]
        await pilot.press("end", "ctrl+u", *"good", "enter")
        await settle(pilot, (tmp_path / "here" / "good.yaml").exists)
        assert not isinstance(app.screen, AskScreen)


async def test_a_label_word_that_the_model_cannot_tell_apart_is_undone(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        written = app.state.prompt
        await pilot.press("8", "l", "ctrl+u", "space", "enter")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt == written


async def test_a_typed_query_is_answered(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("a", *"Where [b", "enter")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prediction is not None
        assert app.state.prediction.texts[app.state.query] == "Where [b"
        assert "Where [b" in screen_text(app)
        await pilot.press("a", "escape")
        assert len(app.state.prediction) == 6


async def test_a_state_is_pinned_and_compared_with(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (200, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prediction
        await pilot.press("p", "8", "d", "2")
        await settle(pilot, lambda: app.state.prediction)
        pinned, now = app.state.pinned, app.state.prediction
        assert pinned is not None
        assert pinned.prediction is before
        assert now is not None
        assert now is not before
        text = " ".join(screen_text(app).split())
        assert "Pinned -> now: 1 -> " in text
        assert "PINNED no intervention" in text
        panels = list(app.query(ConfusionPanel))
        assert [panel.state for panel in panels] == [app.state, pinned]
        mine, theirs = (panel.query_one("#predicted", Matrix).heatmap for panel in panels)
        assert mine is not None
        assert theirs is not None
        assert mine.labels == theirs.labels
        assert mine.changed == theirs.changed != frozenset()
        for number in "13456781":  # every panel is drawn on both states
            await pilot.press(number)
            await settle(pilot)
        assert pinned.failures == {}
        assert Flow(pinned.query) in pinned.results
        await pilot.press("p")
        await settle(pilot)
        assert app.state.pinned is None
        assert "Pinned ->" not in screen_text(app)


async def test_without_room_beside_each_other_the_two_states_are_stacked(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2", "p")
        await settle(pilot)
        now, pinned = app.query_one("#panels").region, app.query_one("#pinned-column").region
        assert now.width == pinned.width > 70
        assert pinned.y == now.y + now.height
        assert min(now.height, pinned.height) >= 15
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert not app.query_one("#pinned-column").display
        await pilot.press("P")
        await settle(pilot)
        assert app.query_one("#pinned-column").region.width > 70
        assert not app.query_one("#panels").display


def test_differing_words_are_underlined() -> None:
    marked = with_differences(Text("Entity beat Person (0.40)"), Text("Number beat Person (0.41)"))
    assert [marked.plain[span.start : span.end] for span in marked.spans] == ["Entity", "(0.40)"]


async def test_a_query_is_asked_in_panel_prompt(prompt_file: Path, model_folder: Path) -> None:
    """The panel is drawn before the answer to the longer prompt is there."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.query
        await pilot.press("8", "a", *"Where ?", "enter")
        await settle(pilot, lambda: app.state.prediction and len(app.state.prediction) == 6)
        assert app.state.query == 5
        await pilot.press("u")
        await settle(pilot, lambda: app.state.prediction and len(app.state.prediction) == 5)
        assert app.state.query == before
        app.post_message(QueryChosen(5))  # of the list as it was before
        await pilot.press("j")
        await settle(pilot)
        assert app.state.query < 5


async def test_two_changes_typed_ahead_are_two_changes(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8")
        for key in "ddu":
            app.post_message(events.Key(key, key))
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prompt is not None
        assert [example.label for example in app.state.prompt.demonstrations] == [1, 2]


async def test_reading_the_file_twice_at_once_is_answered(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        prompt_file.write_text(PROMPT.replace("opera", "play"))
        for _ in range(3):
            app.post_message(events.Key("r", "r"))
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.model_error is None
        assert app.state.prompt is not None
        assert "play" in app.state.prompt.demonstrations[0].text


async def test_a_result_of_the_prompt_before_is_not_shown(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that ended just before the prompt was changed, or did not notice that it was stopped."""
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        session = app.state.session
        run = Run("extraction", ("extraction",), app.state, session)
        await pilot.press("8", "d")
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.session is not session
        app.jobs.running["extraction"] = run
        app.post_message(JobFinished(run, "of the prompt before"))
        await settle(pilot)
        assert ("extraction",) not in app.state.results


async def test_a_query_with_a_text_for_each_field(tmp_path: Path, model_folder: Path) -> None:
    path = tmp_path / "fields.yaml"
    path.write_text(
        'template: "Question: {asker} {matter}\\nAnswer Type:{label}"\nlabels: [Person, Location, Number]\n'
        "demonstrations:\n  - {asker: Who, matter: wrote it ?, label: Person}\n"
        "  - {asker: Where, matter: is it ?, label: Location}\n"
        "queries: [{asker: How many, matter: films ?}]\n"
    )
    async with running(path, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("a", *"Who", "enter", *"cross [b", "enter")
        await settle(pilot, lambda: app.state.prediction and len(app.state.prediction) == 2)
        assert app.state.prompt is not None
        assert app.state.prompt.queries[app.state.query].fields == (("asker", "Who"), ("matter", "cross [b"))
        assert "Who / cross [b" in screen_text(app)
        await pilot.press("a", *"Who", "escape")
        await settle(pilot)
        assert len(app.state.prompt.queries) == 2


async def test_a_trained_beta_is_saved_beside_the_prompt(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.session is not None
        app.edits.use_beta(np.full(app.state.session.beta_shape, 0.5, np.float32))
        await settle(pilot, lambda: app.state.prediction and app.state.beta_on)
        await pilot.press("8", "w", "ctrl+u", *"weighted", "enter")
        await settle(pilot)
        saved = read_prompt(tmp_path / "weighted.yaml")
        assert saved.beta is not None
        answered = Session(saved, str(model_folder)).prediction()
        assert app.state.prediction is not None
        np.testing.assert_allclose(answered.scores, app.state.prediction.scores, atol=1e-5)


async def test_a_prompt_without_demonstrations_has_none_to_change(tmp_path: Path, model_folder: Path) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text(
        'template: "{text} ?{label}"\nlabels: {Person: " Person", Location: " Location"}\ndemonstrations: []\n'
        "queries: [{text: Where is the park, label: Location}, {text: Who, label: Person}]\n"
    )
    async with running(path, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("8")
        for key in ("v", "d", "m", "c", "l", "down", "up"):
            await pilot.press(key)
            await pilot.pause()
        told = [notice.message for notice in app._notifications]
        assert set(told) == {"This prompt has no demonstrations to change."}
        assert app.state.prompt is not None
        assert app.state.undo == []
