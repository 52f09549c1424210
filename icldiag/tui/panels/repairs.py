"""Panel Repair: what would fix the prompt or the selected query, tried on examples it was not made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.analyses.request import SoFar
from icldiag.tui.keys import choosing
from icldiag.tui.messages import RepairTakenOff
from icldiag.tui.panels.applying import APPLY_KEY, UNDO_KEY, ApplyingPanel
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.repair_file import save
from icldiag.tui.panels.repair_offer import offer
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.repairs import FindRepairs, Repairs, Trial
    from icldiag.analyses.search.repair import Repair
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.tui.changes import Applied

LISTED, FEWEST = 12, 4  # around the marked one, where there is room, and where there is none


class RepairPanel(ApplyingPanel):
    """Candidates, the best first; the marked one can be applied in place or written as a file."""

    title, key, group = "Repair", "9", "Fix"
    analysis = "repairs"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("marked",)
    purpose = (
        "Repair: try calibrations, orders, other demonstrations, other label words and anchor re-weighting, each with "
        "the calibrations on top, and see what each does to labelled examples that it was not made from."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "search", "search"),
        Binding("f", "search_query", "for this query"),
        Binding("escape", "stop", "stop"),
        *choosing("choose"),
        APPLY_KEY,
        UNDO_KEY,
        Binding("w", "write", "save"),
    ]

    def idle(self) -> set[str]:
        works = {
            "stop": "repairs" in self.state.doing,
            "search": not self.too_few(),
            "search_query": not self.too_few(self.state.query),
            "write": self._found() is not None or self.state.applied is not None,
        }
        return super().idle() | {name for name, does in works.items() if not does}

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="applied", classes="body now")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="order", classes="body")
        yield Line(id="table", classes="body")
        yield Line(id="marked", classes="body")

    def on_mount(self) -> None:
        self.marked = 0  # place of a candidate, or -1 for the repair that is on and not among them
        self._searched_with: Applied | None = None  # what was on when a search was begun
        self._wanted: tuple[Prompt | None, int | None] | None = None  # a search that waits for this prompt's answers
        self._marked_in: Repairs | None = None  # where that was chosen
        self._applied: Applied | None = None  # that was on when it was drawn last
        self._so_far: dict[FindRepairs, tuple[Prompt, Any, Repairs]] = {}  # with prompt and beta, the last of a search

    def show(self) -> None:
        finding, order, table, marked = (
            self.query_one(name, Line) for name in ("#finding", "#order", "#table", "#marked")
        )
        from icldiag.analyses.repairs import TryCalibrations

        if self._wanted is not None:
            (prompt, query), self._wanted = self._wanted, None
            if prompt is self.state.prompt:
                self.search(query)
        self._mark_what_is_on()
        self.query_one("#applied", Line).set(self.applied_line())
        found, look = self._found() or self.result(TryCalibrations()), self.state.look
        if found is None:
            for line in (order, table, marked):
                line.set("")
            said = (self.trouble(TryCalibrations()), self._not_yet())
            finding.set(said[0] if said[0].plain == said[1].plain else Text("\n").join(said))
            return
        from icldiag.analyses.repairs import finding as sentence
        from icldiag.analyses.repairs import sorted_by

        if found is not self._marked_in:
            self._mark_what_is_told(found)
        self.marked = min(self.marked, len(found.trials) - 1)
        self.query_one("#applied", Line).set(self.applied_line())
        own = Text("\n") + self._not_yet() if self._own_is_awaited(found) else Text("")
        told = sentence(found) + ("" if found.finished else self._how_far(found))
        if self._before_it(found):
            told = "Compared with the prompt without the repair that is on; t on another row puts that in its place."
        finding.set(Text(visible(told, look.ascii_only)) + own)
        order.set(Text(sorted_by(found), look.muted))
        marked.set("" if self.marked < 0 else self._about(found))
        table.set(self._table(found, self._listed(found, table, marked)))

    @property
    def takes_off(self) -> bool:
        return super().takes_off and (self.marked < 0 or self.marked == self._on())

    def _on(self) -> int | None:
        """Where the repair that is on stands in the table that is shown."""
        applied, found = self.state.applied, self._found()
        if applied is None or found is None or not self._before_it(found):
            return None
        return next((place for place, one in enumerate(found.trials) if one.repair.name == applied.name), None)

    def _before_it(self, found: Repairs) -> bool:
        """Whether it was found for the prompt without the repair that is on."""
        applied = self.state.applied
        return applied is not None and found is applied.tried

    def _mark_what_is_on(self) -> None:
        """The repair that was just applied, so that the same key takes it off; where it is in no table, the choice."""
        applied = self.state.applied
        if applied is not self._applied:
            self._applied = applied
            if applied is not None:
                on = self._on()
                self.marked, self._marked_in = (0, None) if on is None else (on, self._marked_in)
        if applied is None:
            self.marked = max(self.marked, 0)

    def _mark_what_is_told(self, found: Repairs) -> None:
        """The repair that the sentence above the table speaks of; at first what a resumed session had marked."""
        if (self._marked_in is not None or not self.marked) and not self.takes_off:
            best = found.mender if found.winner is None else found.winner
            self.marked = best or 0
        self._marked_in = found

    def _found(self) -> Repairs | None:
        """What was found for the selected query, or else for the whole prompt, or else the calibrations.

        While a repair is on, the table that it is from stays until a search is begun.
        """
        applied = self.state.applied
        tried = None if applied is None else applied.tried
        if tried is not None and self._searched_with is not applied:
            return tried
        for search in _searches(self.state.query):
            found = self.peek(search)
            prompt, beta, part = self._so_far.get(search, (None, None, None))
            here = prompt is self.state.prompt and beta is self.state.beta  # or is that one again
            if found is None:  # the search may have been stopped, by an earlier run of icldiag too
                found = part if here else self.state.results.get(SoFar(search))
            if found is not None:
                return found
        from icldiag.analyses.repairs import TryCalibrations

        return tried or self.peek(TryCalibrations())

    def _how_far(self, found: Repairs) -> str:
        """A search that has not ended: how much of it is done."""
        if "repairs" in self.state.doing:
            return f" The search is running: {len(found.trials)} candidates so far; escape stops it and keeps the best."
        return f" The search was stopped after {len(found.trials)} of up to {found.budget} candidates."

    def _own_is_awaited(self, found: Repairs) -> bool:
        """Whether a search goes on, failed for this query, or was not begun, while calibrations are shown."""
        from icldiag.analyses.repairs import TryCalibrations

        began = "repairs" in self.state.doing or _searches(self.state.query)[0] in self.state.failures
        return began or (found is self.peek(TryCalibrations()) and not self._before_it(found))

    def settled(self) -> bool:
        return super().settled() and "repairs" not in self.state.doing

    def _not_yet(self) -> Text:
        searches = _searches(self.state.query)
        for search in searches:
            if search in self.state.failures:
                return self.trouble(search)
        if "repairs" in self.state.doing:
            return self.trouble(searches[1])
        return Text(visible(offer(self), self.state.look.ascii_only), f"not bold {self.state.look.muted}")

    def _table(self, found: Repairs, listed: int) -> Text:
        """So many repairs around the marked one."""
        from icldiag.render.repairs import repair_table

        look, count = self.state.look, len(found.trials)
        first = max(0, min(self.marked - listed // 2, count - listed))
        shown = range(first, min(first + listed, count))
        return repair_table(found, shown, self.marked, self.state.query, self.room.width, look, self._on())

    def _listed(self, found: Repairs, table: Line, marked: Line) -> int:
        """Rows of the table that leave room for the whole name of a change, whose row may have its head alone."""
        if not any(trial.repair.short for trial in found.trials):
            return LISTED
        texts = marked.text.plain.split("\n")[:2]  # a blank row, the name
        others = sum(max(1, len(Text(text).wrap(self.app.console, max(1, self.room.width)))) for text in texts)
        return max(FEWEST, min(LISTED, self.room_under(table) - others - 1))

    def _about(self, found: Repairs) -> Text:
        from icldiag.render.repairs import about

        return about(found, found.trials[self.marked], self.state.query, self.prompt, self.state.look, self.room.width)

    # ---- keys -------------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self.search(None)

    def action_search_query(self) -> None:
        self.search(self.state.query)

    def search(self, query: int | None) -> None:
        """For what fixes a query, or (None) the prompt; it begins when the queries are answered."""
        if self.state.prediction is None:
            self._wanted = self.state.prompt, query
            self.notify("The search begins when the queries are answered.", markup=False)
            return
        search = _searches(query)[0]
        prompt, beta, self._searched_with = self.state.prompt, self.state.beta, self.state.applied
        if prompt is not None and search not in self.state.results:
            self.marked = 0

            def keep(part: Repairs) -> None:  # in the search's thread
                self._so_far[search] = prompt, beta, part

            self.start(search, keep)
        else:
            self.refresh_panel()

    def action_stop(self) -> None:
        self.cancel("repairs")

    def action_mark(self, step: int) -> None:
        found = self._found()
        if found is not None:
            first = 0 if self.state.applied is None or self._on() is not None else -1
            self.marked = self.stepped(self.marked, step, first, len(found.trials) - 1)
            self.refresh_panel()

    def _chosen(self) -> Trial | None:
        found = self._found()
        return None if found is None else found.trials[max(self.marked, 0)]

    def repair(self) -> tuple[Repair, str, Repairs] | None:
        from icldiag.analyses.repairs import trial_in_short

        found, trial = self._found(), self._chosen()
        return None if found is None or trial is None else (trial.repair, trial_in_short(found, trial), found)

    def action_apply(self) -> None:
        """Another of the table that the one that is on is from comes in its place."""
        found = self._found()
        if found is not None and self._before_it(found) and not self.takes_off:
            self.post_message(RepairTakenOff())
        super().action_apply()

    def _session_of(self, found: Repairs) -> Session:
        """On the prompt that the table compares with."""
        applied = self.state.applied
        if applied is None or not self._before_it(found):
            return self.session
        return self.session.without_beta().with_prompt(applied.before.prompt)

    def action_write(self) -> None:
        """The marked repair's prompt, by a name that says for whom; the prompt as it is where the repair is on."""
        self._mark_what_is_on()  # which may not be drawn yet
        trial, found, session = self._chosen(), self._found(), self.state.session
        if self.takes_off:
            save(self, session, None)
        elif session is None or found is None or trial is None:
            waits = "The answers are being computed" if session is None else "No repair is known yet"
            self.notify(f"{waits}; press w when there is one to save.", markup=False)
        else:
            save(self, self._session_of(found), (found, trial))


def _searches(query: int | None) -> tuple[FindRepairs, FindRepairs]:
    """For a query, and for the prompt as a whole."""
    from icldiag.analyses.repairs import FindRepairs

    return FindRepairs(query), FindRepairs()
