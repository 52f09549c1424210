"""Changes of the prompt: made in place, read from a file, put in force, and taken back. Each is whole or not at all."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icldiag.errors import PromptError
from icldiag.prompt.edit import ask
from icldiag.prompt.read import read_prompt
from icldiag.prompt.write import as_yaml
from icldiag.tui.changes import Applied, Before, Narrowed
from icldiag.tui.state import State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.search.repair import Repair
    from icldiag.analyses.search.repairs import Repairs
    from icldiag.prompt.schema import Prompt
    from icldiag.tui.desk import Desk


class Edits:
    """What the user may do to the prompt of the present state; the desk answers it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.screen = desk, desk.screen
        self.wrong: Path | None = None  # the file that was read last, if it could not be taken

    @property
    def state(self) -> State:
        return self.desk.state

    # ---- from a file ------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the prompt file again: a change as any other, which undo takes back.

        Where something was stopped or failed and the file holds what it held, that is computed, and edits stay.
        """
        if self.state.failures and self._as_it_was():
            self._compute_again()
        elif self.take_file(self.state.path) is not None or self.wrong is not None:
            return
        elif self.state.model_error is not None:
            self.desk.load_model()
        else:
            self.screen.tell("The file holds this prompt.")
            self._compute_again()

    def _as_it_was(self) -> bool:
        """Whether the file holds the prompt that it held when it was last read, and the present one has come of it."""
        state = self.state
        with suppress(PromptError):
            return (
                state.prompt is not None and state.model_error is None and read_prompt(state.path).hash == state.of_file
            )
        return False

    def _compute_again(self) -> None:
        """What failed or was stopped is asked for again by the panels that show it."""
        self.state.failures.clear()
        self.screen.show("all")

    def take_file(self, path: Path) -> Prompt | None:
        """Change the prompt to what a file holds; None where that is the same, or cannot be read, which is told.

        A file that cannot be read replaces the prompt only where nothing was changed that is not in it.
        """
        state = self.state
        try:
            prompt = read_prompt(path)
        except PromptError as error:
            self.wrong = path
            self._not_read(str(error))
            return None
        self.wrong = None
        if path == state.path:
            state.of_file = prompt.hash
        else:
            prompt = replace(prompt, path=state.path)
        if state.prompt is None:
            self.desk.answer(prompt)
        elif prompt == replace(state.prompt, path=prompt.path):
            self.screen.show("top")
            return None
        else:
            self.edit(prompt)
        return prompt

    def saved_as(self, path: Path) -> None:
        """A file that was written is the session's from here on, if it holds the present prompt."""
        state = self.state
        with suppress(PromptError):
            held = read_prompt(path).hash
            if state.prompt is not None and state.prompt.hash == held:
                state.path, state.of_file = path, held
                self.screen.show("top")

    def _not_read(self, error: str) -> None:
        state = self.state
        if state.prompt is not None and (state.undo or state.edits):
            text = f"{visible(error)}. Your edits are kept."
            self.screen.tell(text, "Not read", "error", 15)
            return
        self._remember()
        self.desk.jobs.cancel_all("export", *(["session"] if self.desk.loaded is None else []))
        state.become(None, error=error)
        state.beta_wanted = self.desk.unpinned = None
        self.screen.show("all")

    # ---- in place ---------------------------------------------------------------------------------------------------

    def ask(self, texts: str | dict[str, str] | None) -> None:
        """Ask one more query, and select it; nothing where there is none."""
        if self.state.prompt is not None and texts:
            self.change(lambda prompt: ask(prompt, texts), len(self.state.prompt.queries))

    def only_marked(self) -> bool:
        """Leave only the marked queries, or bring the others back; False where none is marked and none had left."""
        state, prompt = self.state, self.state.prompt
        if (narrowed := state.narrowed) is not None:
            self.undo()
            state.marked = narrowed.marked
            self.screen.show("all")
            return True
        if prompt is None or not state.marked:
            return False
        places, marked = sorted(state.marked), state.marked
        query = places.index(state.query) if state.query in marked else 0
        self.edit(prompt.with_queries([prompt.queries[place] for place in places]), query)
        if state.prompt is not None and state.prompt is not prompt:
            state.narrowed_last = Narrowed(prompt, state.prompt, marked)
            state.marked = frozenset()
            self.screen.show("all")
        return True

    def change(self, change: Callable[[Prompt], Prompt], query: int | None = None) -> None:
        """Change the present prompt in place; what is impossible is told. `query` as for `edit`."""
        if self.state.prompt is None:
            return
        try:
            self.edit(change(self.state.prompt), query)
        except PromptError as error:
            self.screen.tell(visible(str(error)), severity="warning")

    def edit(self, prompt: Prompt, query: int | None = None) -> None:
        """Take a changed prompt; `query` is to be selected, where not the same as before."""
        if prompt != self.state.prompt:
            from icldiag.tui.carried import taken_off

            beta = self.desk.beta_for(prompt)
            off = taken_off(self.state, prompt, beta)
            self._remember()
            self.desk.answer(prompt, query, beta)
            if off:
                self.screen.tell(off, seconds=10)

    def undo(self) -> bool:
        """Take the prompt as it was before the last change; False where nothing was changed."""
        state = self.state
        if not state.undo:
            return False
        prompt, query, beta = state.undo.pop()
        if query is None:
            beta = self.desk.beta_for(prompt)
        here, asked = state.query, () if state.prompt is None else state.prompt.queries
        same = here < min(len(prompt.queries), len(asked)) and prompt.queries[here].texts == asked[here].texts
        self.desk.answer(prompt, here if same else query, beta)
        return True

    def _remember(self) -> None:
        """What undo will bring back."""
        state = self.state
        if state.prompt is not None:
            state.undo.append(Before(state.prompt, state.query, state.beta))

    def changes(self) -> list[str] | None:
        """What the session changed in the prompt of the file, as a unified diff; None where the file is another by now.

        Raises PromptError: the file cannot be read, and the session has no copy of it.
        """
        state = self.state
        if state.prompt is None:
            return []
        before = next(
            (one for one in (state.prompt, *(one.prompt for one in state.undo)) if one.hash == state.of_file), None
        )
        if before is None:
            before = read_prompt(state.path)
            if before.hash != state.of_file:
                return None
        old, new = (as_yaml(prompt).splitlines() for prompt in (before, state.prompt))
        return list(difflib.unified_diff(old, new, state.path.name, "as it is now", lineterm="", n=2))

    def apply(self, repair: Repair, trial: str = "", tried: Repairs | None = None) -> None:
        """Apply a repair: its prompt, calibration and beta; `trial` and `tried` are kept of it, see `Applied`."""
        state, prompt = self.state, self.state.prompt
        if prompt is None:
            return
        before, prediction = Before(prompt, state.query, state.beta), state.prediction
        repaired = repair.apply(prompt)
        if repair.beta is None:
            self.edit(repaired)
        elif self.put_in_force(repaired, repair.beta) and repaired == prompt:
            state.undo.append(before)
        if state.prompt == prompt and state.beta is before.beta:
            self.screen.tell("Nothing to apply: the prompt is like that already.")
        elif state.prompt is not None:
            searched = None if tried is None else tried.query
            now = state.prompt, state.beta, prediction
            state.repairs.append(Applied(repair.name, before, *now, trial, tried, searched))
            self.screen.show("all")

    def take_off(self) -> bool:
        """Take off the repair that was applied last, but not what was asked since; False where none is on."""
        if self.state.applied is None:
            return False
        self.state.ask_first()
        return self.undo()

    def use_beta(self, beta: Any) -> None:
        """Put a trained beta in force in the whole session, or (None) out of it."""
        prompt = self.state.prompt
        if prompt is not None and prompt.beta is not None:  # of its file; one at a time
            prompt = replace(prompt, beta=None)
        if prompt is None or not self.put_in_force(prompt, beta):
            self.screen.tell("The model is not loaded yet.")

    def put_in_force(self, prompt: Prompt, beta: Any) -> bool:
        """Answer with the prompt's own calibration and beta, or with a trained beta instead of its own.

        `prompt` has the texts of the present one; another than that is a change to undo. False without a model.
        """
        state = self.state
        if self.desk.answered is None or state.prompt is None:
            return False
        if prompt != state.prompt:
            self._remember()
        self.desk.answer(prompt, beta=beta)
        return True
