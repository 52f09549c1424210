"""Anything that a user may do to a desk, in any order: undo is the inverse, what is on is shown, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from icldiag.analyses.search.repair import Repair
from icldiag.model.settings import ModelSettings
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.edit import drop, rename_word, swap
from icldiag.prompt.schema import Prompt
from icldiag.tui.comparison import difference, pin, since
from icldiag.tui.desk import Desk
from icldiag.tui.edits import Edits
from icldiag.tui.interventions import toggle
from icldiag.tui.jobs import Jobs
from icldiag.tui.query_order import SORTS, groups
from icldiag.tui.top import top_line
from tests.tui.pilot import PROMPT
from tests.tui.test_desk import Queue, Screen

numbers = st.integers(0, 9)


class Session(RuleBasedStateMachine):
    """One desk, and what a user may do to it while it answers or after."""

    path: Path
    model: Any = None  # loaded once
    folder: Path

    @initialize()
    def open(self) -> None:
        self.path.write_text(PROMPT)
        self.screen, self.jobs = Screen(), Queue()
        settings = ModelSettings(name=str(self.folder), device="cpu")
        self.desk = Desk(self.screen, cast(Jobs, self.jobs), self.path, settings)
        self.desk.loaded = type(self).model
        self.desk.read_prompt()
        self.desk.load_model()
        self.jobs.finish(self.desk)
        type(self).model = self.desk.loaded
        self.edits, self.state = Edits(self.desk), self.desk.state

    @property
    def prompt(self) -> Prompt:
        assert self.state.prompt is not None
        return self.state.prompt

    def so(self) -> tuple[object, ...]:
        """All that a change may not change on its way there and back."""
        state = self.state
        beta = None if state.beta is None else state.beta.tobytes()
        return state.prompt, beta, state.beta_on, [before.prompt for before in state.undo], state.edits

    @property
    def on(self) -> list[str]:
        """What is in force beside the text."""
        calibrated = self.prompt.calibration is not None
        return ["calibration"] * calibrated + ["re-weighting"] * self.state.beta_on

    def change(self, change: Any) -> None:
        """It happens or it is said why not; and undo takes it back, whether the model has answered or not."""
        before, notices, on = self.so(), len(self.screen.notices), self.on
        self.edits.change(change)
        if self.so() == before:
            return  # a change to what is there already, or a refusal
        off = [what for what in on if what not in self.on]
        told = self.screen.notices[notices:]
        assert len(told) == bool(off)  # once, of all that the change took off
        assert all(f"The {what} was " in told[0] for what in off)
        changed = self.so()
        assert self.edits.undo()
        assert self.so() == before
        self.edits.change(change)
        assert self.so() == changed

    # ---- what a user does -------------------------------------------------------------------------------------------

    @rule(first=numbers, second=numbers)
    def swap(self, first: int, second: int) -> None:
        count = len(self.prompt.demonstrations)
        self.change(lambda prompt: swap(prompt, first % count, second % count))

    @rule(place=numbers)
    def drop(self, place: int) -> None:
        place %= len(self.prompt.demonstrations)
        told, only = len(self.screen.notices), len(self.prompt.demonstrations) == 1
        self.change(lambda prompt: drop(prompt, place))
        assert not only or len(self.screen.notices) == told + 1

    @rule(label=numbers, word=st.sampled_from(["who", "Person", "where", "Number", " "]))
    def rename(self, label: int, word: str) -> None:
        label %= len(self.prompt.labels)
        self.change(lambda prompt: rename_word(prompt, label, word))

    @rule(text=st.sampled_from(["Who ?", "Where ?", "[red]"]))
    def ask(self, text: str) -> None:
        count, on = len(self.prompt.queries), self.state.applied
        self.edits.ask(text)
        assert len(self.prompt.queries) == count + 1
        assert self.state.query == count
        assert self.state.applied is on

    @rule(kind=st.sampled_from(["contextual", "batch"]), bias=st.lists(st.floats(-3, 3), min_size=3, max_size=3))
    def apply(self, kind: Any, bias: list[float]) -> None:
        before, prompt = self.so(), self.prompt
        calibration = Calibration(kind, tuple(bias))
        self.edits.apply(Repair("calibration", kind, prompt.demonstrations, prompt.labels, calibration))
        if self.state.applied is None:
            assert self.screen.notices[-1].startswith("Nothing to apply")
        assert self.prompt.calibration == calibration
        if self.state.applied is not None and self.so() != before:
            assert self.edits.take_off()
            assert self.so() == before
            self.edits.apply(Repair("calibration", kind, prompt.demonstrations, prompt.labels, calibration))

    @rule()
    def take_off(self) -> None:
        on, asked = self.state.applied, self.prompt.queries
        assert self.edits.take_off() == (on is not None)
        if on is not None:
            assert self.prompt == on.before.prompt.with_queries(asked)

    @precondition(lambda self: self.state.session is not None)
    @rule(share=st.floats(0.1, 1))
    def weigh(self, share: float) -> None:
        self.edits.use_beta(np.full(self.state.session.beta_shape, share, np.float32))  # type: ignore[union-attr]

    @rule()
    def key_0_twice(self) -> None:
        before, cut = self.so(), self.state.cut_layers
        any_on = self.state.beta_on or bool(cut) or self.prompt.calibration is not None
        toggle(self.edits)
        if any_on:
            toggle(self.edits)
            assert (self.so(), self.state.cut_layers) == (before, cut)

    @rule()
    def key_0(self) -> None:
        toggle(self.edits)

    @rule(layer=st.integers(0, 3))
    def cut(self, layer: int) -> None:
        self.state.cut_layers ^= {layer}

    @rule()
    def undo(self) -> None:
        can = bool(self.state.undo)
        expected = self.state.undo[-1].prompt if can else self.prompt
        assert self.edits.undo() == can
        assert self.prompt == expected

    @rule(query=numbers)
    def select(self, query: int) -> None:
        self.state.query = query % len(self.prompt.queries)

    @rule(query=numbers)
    def mark(self, query: int) -> None:
        self.state.marked ^= {query % len(self.prompt.queries)}

    @rule()
    def only_marked(self) -> None:
        marks, back = len(self.state.marked), self.state.narrowed
        count = len(self.prompt.queries)
        assert self.edits.only_marked() == (bool(marks) or back is not None)
        if back is not None:
            assert (self.prompt, self.state.marked) == (back.before, back.marked)
        elif marks:
            assert len(self.prompt.queries) == marks
            assert count == marks or self.state.narrowed is not None

    @rule(text=st.sampled_from([PROMPT, PROMPT.replace("Who cross", "Who crosses"), "template: wrong"]))
    def reload(self, text: str) -> None:
        self.path.write_text(text)
        before = self.prompt
        self.edits.reload()
        if self.state.prompt is None:  # nothing was changed that the file had not
            self.path.write_text(PROMPT)
            self.edits.reload()
        assert self.prompt == before or self.state.undo or self.state.edits == 0

    @rule()
    def pin(self) -> None:
        self.state.pinned = None if self.state.pinned is not None or self.state.prediction is None else pin(self.state)

    @rule()
    def answer(self) -> None:
        self.jobs.finish(self.desk)
        assert self.state.session is not None
        assert self.state.session.prompt is self.prompt
        assert len(self.state.prediction or ()) == len(self.prompt.queries)

    # ---- what is always so ------------------------------------------------------------------------------------------

    @invariant()
    def every_index_is_of_a_query(self) -> None:
        if not hasattr(self, "state") or self.state.prompt is None:
            return
        count = len(self.prompt.queries)
        assert 0 <= self.state.query < count
        assert self.state.marked <= set(range(count))
        for sort in SORTS:
            listed = groups(self.prompt, self.state.prediction, sort, "", self.state.marked)
            assert sorted(query for group in listed for query in group.queries) == list(range(count))

    def in_force_alone(self) -> bool:
        """Whether the prompt differs from the file's by a calibration or beta alone, which is named by itself."""
        before = (one.prompt for one in self.state.undo)
        file = next((one for one in (self.prompt, *before) if one.hash == self.state.of_file), None)
        plain = replace(self.prompt, calibration=None, beta=None)
        return file is not None and self.prompt != plain == replace(file, calibration=None, beta=None)

    @invariant()
    def what_is_on_is_shown(self) -> None:
        if not hasattr(self, "state") or self.state.prompt is None:
            return
        state = self.state
        for width in (80, 120):
            line = top_line(state, width).plain
            assert ("EDITED" in line) == (self.prompt.hash != state.of_file and not self.in_force_alone())
            assert ("CALIBRATED" in line) == (self.prompt.calibration is not None)
            assert ("RE-WEIGHTED" in line) == state.beta_on
            assert ("CUT IN " in line) == bool(state.cut_layers)
            assert ("QUERIES" in line) == (state.narrowed is not None)
        if state.session is not None:
            assert state.beta_on == (state.session.beta is not None)

    @invariant()
    def comparisons_hold(self) -> None:
        if hasattr(self, "state") and self.state.prompt is not None:
            difference(self.state)
            if self.state.applied is not None:
                assert since(self.state, self.state.applied)

    @invariant()
    def what_is_saved_comes_back(self) -> None:
        if not hasattr(self, "state") or self.state.prompt is None:
            return
        saved = self.state.to_saved()
        assert saved is not None
        other = replace(self.state, undo=[], results={}, failures={}, first_answers=[])
        other.restore(saved)
        assert (other.prompt, other.query, other.edits) == (self.state.prompt, self.state.query, self.state.edits)
        assert [before.prompt for before in other.undo] == [before.prompt for before in self.state.undo]


def test_any_order_of_actions(tmp_path: Path, model_folder: Path) -> None:
    class Here(Session):
        path = tmp_path / "prompt.yaml"
        folder = model_folder

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
