"""The app through Pilot, on a tiny model: loading, walking, panels, wrong files, odd texts, small screens."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
from rich.text import Text
from textual import events
from textual.widgets import Input, OptionList

from icldiag.analyses.confusion.compute import Confuse
from icldiag.analyses.explanation import Explain
from icldiag.analyses.extraction.compute import Extract
from icldiag.analyses.isolation.compute import Isolate
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.saliency.compute import Flow
from icldiag.page.figures import FigureType
from icldiag.prompt.read import read_prompt
from icldiag.report import write
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.comparison import with_differences
from icldiag.tui.desk import telling_query
from icldiag.tui.export import FORMATS, ONE_KEY
from icldiag.tui.matrix import Matrix
from icldiag.tui.messages import JobFinished, QueryChosen
from icldiag.tui.panels import KEYS, PANELS
from icldiag.tui.panels.confusion import ConfusionPanel
from icldiag.tui.panels.isolation import changed_queries
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.run import Run
from tests.tui.pilot import PROMPT, lines_of, running, screen_text, settle

NASTY = "[/red] [b \\e[31m {0} \\u202e"


async def test_it_loads_and_shows_the_wrong_queries_first(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        text = screen_text(app)
        assert "prompt.yaml" in text  # painted before the model is there
        assert "Overview: what is wrong with the prompt" in text
        await settle(pilot, lambda: app.state.prediction)
        prediction = app.state.prediction
        assert prediction is not None
        listed = app.query_one(Queries).order
        assert listed[: len(prediction.wrong)] == list(prediction.wrong)
        assert sorted(listed) == list(range(5))
        assert app.state.query == telling_query(prediction, 0)
        text = screen_text(app)
        assert f"{prediction.correct} of 4 right" in text
        assert "want" in text
        await settle(pilot, lambda: "the label words hold" in screen_text(app))
        await pilot.press("1")
        await settle(pilot, lambda: "the text itself" in screen_text(app))
        await pilot.press("2")
        await settle(pilot, lambda: "of 3 pairs" in screen_text(app))


async def test_users_text_shows_as_typed(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (160, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(0)
        await pilot.press("8")
        await settle(pilot)
        text = screen_text(app)
        assert "[/red] [b ^[[31m {0} <U+202E>" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


async def test_every_panel_shows_something_computed(prompt_file: Path, model_folder: Path) -> None:
    said = {
        "Overview": "the label words hold",
        "Why": "the text itself",
        "Labels": "anchor distance",
        "Flow": "label words -> target (S_pq)",
        "Isolate": "Nothing is cut",
        "Extract": "AUCROC",
        "Reweight": "Press s to train",
        "Compress": "Press s to answer from",
        "Repair": "Press s to search",
        "Prompt": "3 demonstrations of",
    }
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key, panel in zip(KEYS, PANELS, strict=True):
            await pilot.press(key)
            await settle(pilot)
            assert said[panel.title] in screen_text(app), panel.title
        assert app.state.failures == {}


async def test_why_says_the_answer_its_cause_and_the_evidence(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (200, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("1")
        prediction, session = app.state.prediction, app.state.session
        assert prediction is not None
        assert session is not None
        for query in range(len(prediction)):
            app.on_query_chosen(QueryChosen(query))
            await settle(pilot, partial(app.state.results.__contains__, Explain(query)))
            known = ", want " if prediction.is_wrong(query) else "Right: "
            text = screen_text(app)
            assert (known if prediction.gold[query] is not None else "the right label is unknown") in text
            found = session.explanation(query)
            assert f"lead {found.contest.lead:.1f} nats" in text
            assert ("CAUSE" in text) == (bool(found.causes) and found.contest.gold != found.contest.answer)
            assert "the text itself" in text
            assert "label prior" in text
            assert "evidence, from" not in text
            await pilot.press("enter")
            text = screen_text(app)
            await pilot.press("enter")
            for row in ("demonstration  ", "classes  ", "order  ", "label prior  ", "aggregation  ", "decided  "):
                assert row in text


async def test_why_can_be_stopped_and_started_again(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain, slow = Explain.compute, threading.Event()

    def slowly(request: Explain, bench: Any, progress: Any, each: Any) -> Any:
        while not slow.is_set():
            progress("explanation", 0, 9)
            time.sleep(0.01)
        return explain(request, bench, progress, each)

    monkeypatch.setattr(Explain, "compute", slowly)
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await pilot.press("1")
        for _ in range(600):
            await pilot.pause(0.02)
            if "Computing: explanation 0 of 9" in screen_text(app):
                break
        await pilot.press("escape")
        await settle(pilot)
        assert "Stopped; s explains it." in screen_text(app)
        assert Explain(app.state.query) not in app.state.results
        slow.set()
        await pilot.press("s")
        await settle(pilot, lambda: Explain(app.state.query) in app.state.results)
        assert "the text itself" in screen_text(app)


async def test_a_layer_is_cut_and_restored(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4", "right_square_bracket", "f")
        await settle(pilot, lambda: "cut    x  x  -  -" in screen_text(app))
        assert "cut in layers 0-1" in " ".join(screen_text(app).split())
        await pilot.press("i", "2")
        await settle(pilot)
        assert "ISOLATE CUTS 2-3 (key 0: off)" in screen_text(app)
        await pilot.press("0", "4")
        await settle(pilot, lambda: "Nothing is cut" in screen_text(app))
        assert "ISOLATE CUTS" not in screen_text(app).split("\n")[0]
        await pilot.press("s")  # every n: the cursor stands at the first two layers
        await settle(pilot, lambda: "with the first 2 layers cut" in screen_text(app))
        assert "the last n layers" in screen_text(app)


async def test_a_range_is_cut_by_keys_and_a_layer_by_mouse(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("4", "right_square_bracket", "v", "right_square_bracket", "right_square_bracket", "space")
        await settle(pilot)
        assert app.state.cut_layers == {1, 2, 3}
        await pilot.click("#switches", offset=(13, 0))
        await settle(pilot)
        assert app.state.cut_layers == {1, 3}
        await pilot.press("c", "m")  # label words -> target, and the next query whose answer changes by it
        await settle(pilot)
        found = app.state.results[Isolate(Cut("label_to_target", (1, 3)))]
        assert [query for query, _ in sorted(changed_queries(found.answers))] == list(found.answers.flipped)
        assert app.state.query in found.answers.flipped or not found.answers.flipped


async def test_beta_is_trained_and_put_in_force(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        before = app.state.prediction
        await pilot.press("6", "s")
        await settle(pilot, lambda: "Trained on 12 examples" in " ".join(screen_text(app).split()))
        await pilot.press("b")
        await settle(pilot, lambda: app.state.beta_on)
        assert "RE-WEIGHTED" in screen_text(app)
        assert app.state.prediction is not before
        await pilot.press("b")
        await settle(pilot, lambda: not app.state.beta_on)
        assert app.state.prediction is not None
        assert before is not None
        assert (app.state.prediction.probabilities == before.probabilities).all()


async def test_compression_is_measured_on_request(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("7", "s")
        await settle(pilot, lambda: "From the anchors" in screen_text(app))
        assert "best of 20 random draws" in screen_text(app)
        assert "standard deviation" in screen_text(app)


async def test_the_layer_slider_and_the_cell_cursor(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2")
        await settle(pilot, lambda: "[3]" in screen_text(app))
        await pilot.press("left_square_bracket")
        await settle(pilot, lambda: Confuse(2) in app.state.results)
        assert "[2]" in screen_text(app)
        matrix = app.query_one("#predicted", Matrix)
        matrix.focus()
        await pilot.press("home", "up", "up", "left", "left", "right", "right")
        assert matrix.cell == (0, 2)
        assert [line.split("  ")[0].strip() for line in lines_of(app, "#demonstrations")] == ["Person", "Number"]
        assert "Who wrote the opera ?" in lines_of(app, "#demonstrations")[0]
        assert lines_of(app, "#cell")[0].startswith("distance 0.")
        await pilot.press("v")
        await settle(pilot)
        assert "cosine of keys" in screen_text(app)


async def test_filter_and_next_wrong(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert app.state.prediction is not None
        wrong = app.state.prediction.wrong
        seen = set()
        for _ in wrong:
            await pilot.press("n")
            await settle(pilot)
            seen.add(app.state.query)
        assert seen == set(wrong)
        await pilot.press("slash", *"river")
        await settle(pilot)
        assert app.query_one(Queries).order == [4]
        await pilot.press("escape")
        await settle(pilot)
        assert app.query_one(QueryList).option_count == 5
        assert not app.query_one("#filter", Input).display


async def test_a_wrong_file_is_told_and_read_again(prompt_file: Path, model_folder: Path) -> None:
    prompt_file.write_text(PROMPT.replace("label: Location", "label: Locatoin", 1))
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot)
        text = " ".join(screen_text(app).split())
        assert "The prompt file is wrong." in text
        assert "did you mean 'Location'" in text
        prompt_file.write_text(PROMPT)
        await pilot.press("r")
        await settle(pilot, lambda: app.state.prediction)
        assert "Labels " in screen_text(app)


async def test_a_missing_model_is_told_and_the_prompt_can_be_read(prompt_file: Path, tmp_path: Path) -> None:
    async with running(prompt_file, tmp_path / "none") as (app, pilot):
        await settle(pilot, lambda: app.state.model_error)
        assert "there is no model folder" in " ".join(screen_text(app).split())
        await pilot.press("8")
        await settle(pilot)
        assert "Where is the park ?" in screen_text(app)


async def test_a_job_that_raises_is_a_sentence(
    prompt_file: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: Extract, *arguments: Any) -> None:
        raise ZeroDivisionError("by [zero]")

    monkeypatch.setattr(Extract, "compute", broken)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("5")
        await settle(pilot)
        assert "unexpected ZeroDivisionError: by [zero]" in screen_text(app)


async def test_eighty_by_twenty_four_folds(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        assert not app.query_one("#left").display or app.query_one("#left").size.width == 0
        line = screen_text(app).splitlines()[3]
        assert ">" in line
        await pilot.press("o")
        await settle(pilot)
        assert app.query_one("#left").size.width > 70
        assert app.query_one(OptionList).has_focus
        await pilot.press("down", "enter")
        await settle(pilot)
        assert any(word in screen_text(app) for word in (", want ", "Right:", "is unknown"))
        for size in ((60, 15), (200, 60), (80, 24), (20, 5), (120, 40)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
        assert app.query_one("#left").size.width > 20


async def test_ascii_only(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, ascii_only=True) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        bars = app.query_one("#bars").render()
        assert str(bars).isascii()


async def test_help_lists_the_bindings(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        text = screen_text(app)
        assert "previous wrong" in text
        assert "layer down" in text
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_quitting_while_something_computes(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder) as (app, pilot):
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


def told(app: DiagnosisApp) -> list[str]:
    return [f"{notification.title}: {notification.message}" for notification in app._notifications]


async def test_one_key_exports_and_the_palette_has_every_format(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("x")
        await settle(pilot, lambda: told(app))
        assert {path.name for path in tmp_path.glob("prompt-report.*")} == {f"prompt-report.{f}" for f in ONE_KEY}
        assert str(tmp_path / "prompt-report.html") in told(app)[0]
        assert "ctrl+p" in told(app)[0]
        found = {command.title: command.callback for command in app.get_system_commands(app.screen)}
        figures = set(get_args(FigureType))
        assert {*write.FORMATS, *write.FOLDER_FORMATS} == {"figures", *(set(FORMATS) - figures)}
        assert figures <= set(FORMATS)
        for number, (title, place) in enumerate(
            (("Export every table as CSV", "prompt-tables"), ("Export figures as SVG", "prompt-figures")), start=2
        ):
            await found[title]()
            await settle(pilot, lambda expected=number: len(told(app)) == expected)  # type: ignore[misc]
            files = list((tmp_path / place).iterdir())
            assert f"Written: {len(files)} files in {tmp_path / place}" in told(app)
    assert '"schema": "icldiag-report/1"' in (tmp_path / "prompt-report.json").read_text()
    assert (tmp_path / "prompt-tables" / "prediction-queries.csv").exists()
    assert (tmp_path / "prompt-figures" / "confusion-distance.svg").exists()


async def test_an_export_that_cannot_be_written_is_told(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompt-tables").write_text("a file, where the folder would be")
    async with running(prompt_file, model_folder) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        await app.run_action("export('csv')")
        await settle(pilot, lambda: told(app))
        assert "Not written: cannot make the folder" in told(app)[0]


def test_the_app_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, icldiag.tui.app; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


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
        await pilot.press("8", "w", "ctrl+u", *"Who", "enter")
        await settle(pilot, lambda: app.state.prediction)
        assert " Who" in [label.word for label in app.state.prompt.labels if label.name == name]
        await pilot.press("s")
        await settle(pilot)
    assert read_prompt(tmp_path / "prompt-edited.yaml").hash == app.state.prompt.hash


async def test_a_label_word_that_the_model_cannot_tell_apart_is_undone(prompt_file: Path, model_folder: Path) -> None:
    async with running(prompt_file, model_folder, (130, 50)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        written = app.state.prompt
        await pilot.press("8", "w", "ctrl+u", "space", "enter")
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
        assert "Pinned -> now: 1 of 4 -> " in text
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


def test_differing_words_are_underlined() -> None:
    marked = with_differences(Text("Entity beat Person (0.40)"), Text("Number beat Person (0.41)"))
    assert [marked.plain[span.start : span.end] for span in marked.spans] == ["Entity", "(0.40)"]


async def test_a_panel_is_copied_and_saved(
    prompt_file: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(prompt_file, model_folder, (80, 24)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        app.query_one(Queries).select(0)
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("y", "8", "y", "y")
        await settle(pilot)
        copied = app.clipboard
    labels = (tmp_path / "prompt-labels.txt").read_text()
    assert "anchor distance" in labels
    assert "Query vectors: " in labels  # below the fold at this size
    assert (tmp_path / "prompt-prompt-2.txt").read_text() == copied
    assert "\x1b" not in copied
    assert "[/red] [b" in copied


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
