"""The line at the top, as strings: what is in force and the device are there on any terminal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from icldiag.analyses.prediction.compute import Prediction
from icldiag.model.facts import ModelFacts
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.tui.changes import Applied, Before
from icldiag.tui.state import State
from icldiag.tui.top import top_line

LONG = "/models/HuggingFaceTB/SmolLM2-135M-Instruct-2024-10-31"


@dataclass
class Session:
    facts: ModelFacts


@pytest.fixture
def state() -> State:
    examples = tuple(Example(f"text {number}", number % 2) for number in range(60))
    prompt = Prompt("p", "{text}{label}", "\n", (Label("A", "A"), Label("B", "B")), examples[:2], examples)
    answers = np.zeros(60, np.int64)
    prediction = Prediction(
        labels=("A", "B"),
        texts=tuple(example.text for example in examples),
        gold=tuple(example.label for example in examples),
        predicted=answers,
        probabilities=np.full((60, 2), 0.5),
        scores=np.zeros((60, 2)),
        top_tokens=(),
        label_mass=np.ones(60),
    )
    facts = ModelFacts(LONG, 30, 9, 8192, "cuda:0", "torch.float32", "Q4_1")
    state = State(path=Path("questions-of-the-customers-2026-11.yaml"))
    state.prompt, state.of_file, state.prediction = prompt, prompt.hash, prediction
    state.session = cast("Any", Session(facts))
    return state


def test_on_a_wide_terminal_everything_is_said(state: State) -> None:
    assert top_line(state, 200).plain == (
        "icldiag   questions-of-the-customers-2026-11.yaml   30 of 60 right   ready   "
        "SmolLM2-135M-Instruct-2024-10-31 (30 layers x 9 heads)   cuda:0 float32 from Q4_1"
    )


def test_the_models_shape_goes_first_then_names_are_cut(state: State) -> None:
    line = top_line(state, 146).plain
    assert "layers x" not in line
    assert "questions-of-the-customers-2026-11.yaml" in line
    line = top_line(state, 78).plain
    assert "30 of 60 right   ready" in line
    assert line.endswith("cuda:0 float32")


def test_what_is_under_way_stays_longer_than_what_never_changes(state: State) -> None:
    state.path = Path("trec60.json")
    state.doing["overview"] = "overview: lean 12 of 63, about 26 s left"
    line = top_line(state, 78).plain
    for part in ("trec60.json", "30 of 60 right", "overview: lean 12 of 63", "cuda:0"):
        assert part in line
    assert "…" not in line.partition("overview")[2].partition("63")[0]


@pytest.mark.parametrize("width", [78, 98, 118, 158])
def test_what_is_in_force_and_the_device_are_never_cut_off(state: State, width: int) -> None:
    assert state.prompt is not None
    state.prompt = replace(state.prompt, calibration=Calibration("batch", (0.1, -0.1)))
    state.cut_layers, state.beta_on = frozenset(range(12)), True
    state.doing["overview"] = "overview: stability 31 of 480 changed prompts, 8 orders"
    line = top_line(state, width)
    assert line.cell_len <= width
    for part in ("EDITED", "CUT IN LAYERS 0-11", "RE-WEIGHTED", "CALIBRATED batch", "cuda:0"):
        assert part in line.plain


def test_many_layers_are_counted_where_there_is_no_room_to_name_them(state: State) -> None:
    state.cut_layers = frozenset(range(0, 30, 2))
    assert "CUT IN 15 LAYERS" in top_line(state, 78).plain
    assert "CUT IN LAYERS 0, 2, 4" in top_line(state, 158).plain


def test_earlier_results_are_said_to_be_so_while_the_model_loads(state: State) -> None:
    state.stored, state.doing = True, {"session": "loading: weights 212 of 272 tensors"}
    assert "   earlier results; weights 212 of 272 tensors   " in top_line(state, 200).plain
    for width in range(20, 120):
        line = top_line(state, width).plain
        assert "earlier" in line or "weights" in line
    state.stored = False
    assert "earlier" not in top_line(state, 200).plain


@pytest.mark.parametrize(
    ("examples", "kind", "said"), [(0, "matrix", True), (0, "contextual", False), (40, "matrix", False)]
)
def test_right_answers_of_what_a_calibration_was_fitted_on_are_said_to_be_so(
    state: State, examples: int, kind: Any, said: bool
) -> None:
    before = state.prompt
    assert before is not None
    more = tuple(Example(f"further {number}", number % 2) for number in range(examples))
    state.prompt = replace(before, calibration=Calibration(kind, (0.1, -0.1)), examples=more)
    assert ("30 of 60 right (perhaps fitted on these)" in top_line(state, 200).plain) == said
    state.repairs = [Applied("a repair", Before(before), state.prompt, None, None)]
    assert ("30 of 60 right (fitted on these)" in top_line(state, 200).plain) == said
    state.session = None
    assert ("30 of 60 right (fitted)" in top_line(state, 90).plain) == said


def test_a_calibration_alone_is_no_edit_but_what_is_changed_with_it_is(state: State) -> None:
    before = state.prompt
    assert before is not None
    state.undo, state.prompt = [Before(before)], replace(before, calibration=Calibration("batch", (0.1, -0.1)))
    line = top_line(state, 200).plain
    assert "EDITED" not in line
    assert "CALIBRATED batch" in line
    state.undo.append(Before(state.prompt))
    state.prompt = replace(state.prompt, demonstrations=before.demonstrations[::-1])
    assert "EDITED   CALIBRATED batch" in top_line(state, 200).plain
    state.of_file = state.undo[-1].prompt.hash  # of the file, and taken off
    state.undo, state.prompt = state.undo[-1:], before
    assert "EDITED" in top_line(state, 200).plain


def test_at_80_columns_a_calibration_leaves_room_for_the_status_and_the_model(state: State) -> None:
    before = state.prompt
    assert before is not None
    state.path = Path("questions.yaml")
    state.undo, state.prompt = [Before(before)], replace(before, calibration=Calibration("batch", (0.1, -0.1)))
    state.repairs = [Applied("a repair", Before(before), state.prompt, None, None)]
    line = top_line(state, 78).plain
    for part in ("questions ", "30 of 60 right (fitted)", "CALIBRATED batch", "ready", "SmolL", "cuda:0"):
        assert part in line


@pytest.mark.parametrize("cut", [frozenset(), frozenset(range(12))])
@pytest.mark.parametrize(
    "doing", ["", "overview: stability 31 of 480 changed prompts, 8 orders", "exporting 2 of 9: reading heads"]
)
def test_at_80_columns_prompt_model_and_what_is_in_force_are_there_in_whole_words(
    state: State, cut: frozenset[int], doing: str
) -> None:
    assert state.prompt is not None
    state.path = Path("questions.yaml")
    state.session = cast("Any", Session(ModelFacts("/models/smollm2", 30, 9, 8192, "cpu", "torch.float32", None)))
    state.prompt = replace(state.prompt, calibration=Calibration("batch", (0.1, -0.1)))
    state.cut_layers, state.doing = cut, {"overview": doing} if doing else {}
    line = top_line(state, 78)
    assert line.cell_len <= 78
    job = doing.partition(":")[0].partition(" ")[0]
    for part in ("questions", "EDITED", "CALIBRATED batch", job, "smollm2", "cpu"):
        assert part in line.plain
    assert "…" not in line.plain


def test_what_is_given_up_comes_back_where_a_later_loss_made_room(state: State) -> None:
    assert state.prompt is not None
    state.path, state.beta_on = Path("questions.yaml"), True
    state.session = cast("Any", Session(ModelFacts("/models/smollm2", 30, 9, 8192, "cpu", "torch.float32", None)))
    state.prompt = replace(state.prompt, calibration=Calibration("batch", (0.1, -0.1)))
    line = top_line(state, 78).plain
    assert line == "questions.yaml EDITED RE-WEIGHTED CALIBRATED batch ready smollm2 cpu float32"


def test_one_layer_that_is_cut_is_no_count(state: State) -> None:
    state.cut_layers = frozenset({0})
    assert "CUT IN LAYER 0 (0: off/on)" in top_line(state, 200).plain
