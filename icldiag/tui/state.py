"""What the app knows at a moment, and who changes it.

Panels read it; only Isolate sets the layers that it cuts, and a panel that asks again drops the failure of before.
`Desk` changes it (answers), `Edits` and `interventions` (the prompt and what is in force), the app and its `Navigation`
(the query, the pinned state), `Layout` and `PinnedColumn` (the look), `Editor` (the file), `Export` (what it is doing).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from icldiag.analyses.isolation.cuts import TARGET_CUTS
from icldiag.model.turns import WAITS
from icldiag.render.look import DARK, Look
from icldiag.session_file import SavedRepair, SavedState, changes_since
from icldiag.tui import requests
from icldiag.tui.changes import Applied, Before, Interventions, Narrowed, WithoutRepair, asked_first, asked_since

if TYPE_CHECKING:
    from icldiag.analyses.isolation.cuts import CutKind
    from icldiag.analyses.prediction.compute import FirstAnswers, Prediction
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session


@dataclass(frozen=True)
class AnsweredSession:
    """A session that can be shown."""

    session: Session
    prediction: Prediction
    results: dict[Hashable, Any] = field(default_factory=dict)  # of analyses that run on request, found on disk
    pinned: AnsweredSession | None = None  # brought back beside it
    without: WithoutRepair | None = None  # of a resumed session with a repair on, from disk

    @property
    def trained_beta(self) -> Any:
        """The beta in force, if it is not the prompt file's."""
        return self.session.beta if self.session.prompt.beta is None else None


@dataclass(eq=False)
class State:
    """One prompt on one model, as far as they have come."""

    path: Path
    look: Look = DARK
    prompt: Prompt | None = None
    prompt_error: str | None = None  # the prompt file is wrong: nothing can be shown but this
    model_error: str | None = None  # the model is wrong: the prompt can still be read
    session: Session | None = None
    stored: bool = False  # the session is one without its model, which is loading: only earlier results can be shown
    prediction: Prediction | None = None
    first_answers: list[FirstAnswers] = field(default_factory=list)  # while the rest is computed
    query: int = 0
    marked: frozenset[int] = frozenset()  # queries that the user marked
    query_chosen: bool = False  # by the user, or by the session that is resumed: not to be replaced by a telling one
    doing: dict[str, str] = field(default_factory=dict)  # what is being computed, by job
    results: dict[Hashable, Any] = field(default_factory=dict)
    failures: dict[Hashable, str] = field(default_factory=dict)
    beta_on: bool = False  # an anchor re-weighting is in force
    beta: Any = None  # the one in force, or being put in force, if it was trained here and is not the prompt file's
    beta_wanted: dict[str, Any] | None = None  # how the one was trained that a resumed session will put in force
    trained_on: Prompt | None = None  # what a resumed session had trained a re-weighting on, until it is there
    cut_layers: frozenset[int] = frozenset()  # what panel Isolate cuts, and how
    cut_kind: CutKind = "text_to_label"
    cut_heads: tuple[tuple[int, int], ...] = ()  # (layer, head) that the cut is limited to; () for all
    suspended: Interventions | None = None  # by key 0, which puts it back
    pinned: State | None = None  # set aside to compare with
    plain: tuple[Prompt, Prediction] | None = None  # the file's prompt and its answers, nothing put in force here
    of_file: str | None = None  # hash of the prompt that the file held when it was last read
    undo: list[Before] = field(default_factory=list)  # each change made in place, the last one last
    repairs: list[Applied] = field(default_factory=list)  # that were applied, the last one last
    narrowed_last: Narrowed | None = None

    def become(
        self,
        prompt: Prompt | None,
        answered: AnsweredSession | None = None,
        *,
        query: int | None = None,
        beta: Any = None,
        results: Mapping[Hashable, Any] | None = None,
        stored: bool = False,
        error: str | None = None,
    ) -> None:
        """The one way to another prompt, and to its answer once it has one: what belongs together changes at once.

        A panel is drawn between any two messages, and may rely on this: the query is one of the prompt's, session and
        prediction are of this prompt or None, results are the session's.

        Args:
            query: to be selected, where not the same as before; the last one where there are not so many.
            results: what is good for this prompt too.
            error: why there is no prompt.

        Raises:
            ValueError: the answer is to another prompt; nothing is changed.
        """
        count = 0 if prompt is None else len(prompt.queries)
        if answered is not None and {len(answered.session.prompt.queries), len(answered.prediction)} != {count}:
            raise ValueError("the answer is to another prompt")
        wanted = self.query if query is None else query
        old, new = (() if one is None else one.queries for one in (self.prompt, prompt))
        self.marked = frozenset(at for at in self.marked if at < min(len(old), len(new)) and old[at] == new[at])
        self.prompt, self.prompt_error, self.query = prompt, error, max(min(wanted, count - 1), 0)
        self.session, self.prediction, self.stored = None, None, stored
        self.beta, self.beta_on = beta, beta is not None or (prompt is not None and prompt.beta is not None)
        self.first_answers.clear()
        self.results.clear()
        self.failures.clear()
        self.results.update(results or {})
        if answered is not None:
            self.session, self.prediction = answered.session, answered.prediction
            self.beta_on = answered.session.beta is not None
            self.results.update(answered.results)
            if prompt is not None and not self.edits and beta is None:
                self.plain = prompt, answered.prediction

    def know_of(self, applied: Applied, without: WithoutRepair) -> None:
        """Complete a repair of a resumed session; its beta was trained again, or found."""
        known = replace(applied, beta=self.beta, prediction=without.prediction, tried=without.tried, awaited=False)
        self.repairs = [known if one is applied else one for one in self.repairs]

    def answer_to(self, query: int) -> tuple[Prediction, int] | None:
        """A prediction and the query's row in it; None where it is not answered yet."""
        if self.prediction is not None:
            return self.prediction, query
        found = (
            (first.prediction, first.queries.index(query)) for first in self.first_answers if query in first.queries
        )
        return next(found, None)

    def how_far(self, job: str) -> str:
        """What a job does, or what it waits for: another of this state's jobs, or one of another state's."""
        doing = self.doing.get(job, WAITS)
        if doing != WAITS:
            return doing
        if self.stored:
            return "waiting for the model"
        for other, text in self.doing.items():
            if other != job and text != WAITS:
                named = other == "session" or text.startswith(other)
                return f"{WAITS}; now: {text if named else f'{other} ({text})'}"
        return WAITS

    @property
    def edits(self) -> int:
        """How many changes the prompt is away from the one in the file."""
        if self.prompt is None:
            return 0
        same = self.prompt.hash == self.of_file
        return 0 if same else changes_since(self.of_file, self.prompt, [one.prompt for one in self.undo]) or 1

    @property
    def edited(self) -> int:
        """The same without those that only put a calibration or weights in force, which are named by themselves."""
        if self.prompt is None or not self.edits:
            return 0
        steps = [self.prompt, *(one.prompt for one in self.undo[::-1])][: self.edits + 1]
        texts = [replace(one, calibration=None, beta=None) for one in steps]
        if steps[-1].hash == self.of_file and steps[0] != texts[0] == texts[-1]:
            return 0  # what is in force is all that the file has not
        return sum(after != before for after, before in pairwise(texts)) or 1

    @property
    def applied(self) -> Applied | None:
        """The repair that made the prompt what it is, as long as no more than queries came to it since."""
        changes = len(self.undo) - asked_since(self.undo, self.prompt)
        if not changes:
            return None
        before, prompt = [*(one.prompt for one in self.undo), self.prompt][changes - 1 : changes + 1]
        there = (one for one in self.repairs[::-1] if not one.awaited or self.prediction is None)
        found = (one for one in there if one.prompt == prompt and one.beta is self.beta)
        return next((one for one in found if one.before.prompt == before), None)

    @property
    def since_file(self) -> list[Applied | None]:
        """The repair that made each change since the file, the first one first; None of a change of another kind."""
        if self.prompt is None or not self.edits:
            return []
        changes = pairwise([*self.undo, Before(self.prompt, self.query, self.beta)])
        return [
            next((one for one in self.repairs[::-1] if one.made(before, after)), None) for before, after in changes
        ][-self.edits :]

    def ask_first(self) -> None:
        """Let what was asked since the repair that is on have been asked before it, so that undo takes the repair."""
        if self.prompt is not None:
            self.undo = asked_first(self.undo, self.prompt)

    @property
    def narrowed(self) -> Narrowed | None:
        """That only marked queries are asked, as long as nothing was changed since."""
        last = self.narrowed_last
        return last if last is not None and last.prompt is self.prompt and self.undo else None

    # ---- on disk ----------------------------------------------------------------------------------------------------

    def to_saved(self) -> SavedState | None:
        """What is kept of it; None without a prompt."""
        if self.prompt is None:
            return None
        known = [(one, self.results[one]) for one in requests.reweightings() if one in self.results]
        in_force = [pair for pair in known if np.array_equal(pair[1].beta, self.beta)]
        earlier, settings = self.trained_on, self.beta_wanted
        for asked, trained in (in_force or known)[:1]:
            earlier = getattr(trained, "prompt", None)
            settings = asdict(asked.settings) if self.beta_on else settings
        return SavedState(
            prompt=self.prompt,
            of_file=self.of_file,
            undo=tuple(one.prompt for one in self.undo),
            query=self.query,
            marked=tuple(sorted(self.marked)),
            cut_kind=self.cut_kind,
            cut_layers=tuple(sorted(self.cut_layers)),
            cut_heads=self.cut_heads,
            repairs=tuple(self._saved_repairs(settings is not None)),
            narrowed=tuple(sorted(self.narrowed.marked)) if self.narrowed is not None else (),
            beta=settings,
            trained_on=None if earlier is self.prompt else earlier,
        )

    def _saved_repairs(self, trained: bool) -> Iterator[SavedRepair]:
        """Those that undo can come back to; only the beta that is on is trained again, or found."""
        after = [*(one.prompt for one in self.undo[1:]), self.prompt]
        for change, (before, prompt) in enumerate(zip(self.undo, after, strict=False)):
            here = change == len(self.undo) - 1 - asked_since(self.undo, self.prompt)
            for one in self.repairs[::-1]:
                plain = one.before.beta is None and (one.beta is None or (here and one.beta is self.beta))
                if plain and one.prompt == prompt and one.before.prompt == before.prompt:
                    found = one.awaited or (one.beta is not None and not trained)
                    yield SavedRepair(
                        name=one.name, trial=one.trial, searched=one.searched, has_beta=found, change=change
                    )
                    break

    @staticmethod
    def of_saved(path: Path, saved: SavedState, answered: AnsweredSession) -> State:
        """What was kept, answered again."""
        state = State(path=path)
        state.restore(saved)
        state.repairs = [one for one in state.repairs if not one.awaited]
        state.become(state.prompt, answered, beta=answered.trained_beta)
        state.beta_wanted = None
        return state

    def restore(self, saved: SavedState) -> None:
        """Become what was kept, as far as that needs no model."""
        self.become(saved.prompt, query=saved.query)
        self.undo, self.query_chosen = [Before(prompt) for prompt in saved.undo], True
        after = [*saved.undo[1:], saved.prompt]
        for one in saved.repairs:
            if one.change < len(self.undo):
                before = self.undo[one.change] = Before(saved.undo[one.change], self.query)  # without a beta
                here = after[one.change], None, None, one.trial, None, one.searched, one.has_beta
                self.repairs.append(Applied(one.name, before, *here))
        self.marked = frozenset(place for place in saved.marked if place < len(saved.prompt.queries))
        self.of_file = saved.of_file or (saved.undo[0] if saved.undo else saved.prompt).hash
        self.cut_kind, self.cut_layers = saved.cut_kind, frozenset(saved.cut_layers)
        self.cut_heads = saved.cut_heads if saved.cut_kind in TARGET_CUTS else ()
        if saved.narrowed and saved.undo:
            self.narrowed_last = Narrowed(saved.undo[-1], saved.prompt, frozenset(saved.narrowed))
        self.beta_wanted, self.trained_on = saved.beta, saved.trained_on
