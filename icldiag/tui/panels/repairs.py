"""Panel Repair: what would mend the prompt or the selected query, tried on examples it was not made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.errors import IcldiagError
from icldiag.files import free_path
from icldiag.tui.messages import EditUndone, RepairTaken
from icldiag.tui.panels.base import Line, Panel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.repairs import FindRepairs, Repairs, Trial
    from icldiag.session import Session

LISTED = 12  # around the marked one


class RepairPanel(Panel):
    """Candidates ranked by net gain; the marked one can be taken over in place or written as a file."""

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
        Binding("left_square_bracket", "mark(-1)", "select up", key_display="["),
        Binding("right_square_bracket", "mark(1)", "select down", key_display="]"),
        Binding("t", "take", "apply"),
        Binding("u", "undo", "undo"),
        Binding("w", "write", "save"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="table", classes="body")
        yield Line(id="marked", classes="body")

    def on_mount(self) -> None:
        self.marked = 0
        self._marked_in: Repairs | None = None  # where that was chosen
        self._so_far: dict[FindRepairs, tuple[Session, Repairs]] = {}  # searches that go on or were stopped

    def show(self) -> None:
        finding, table, marked = (self.query_one(name, Line) for name in ("#finding", "#table", "#marked"))
        from icldiag.analyses.repairs import TryCalibrations

        found, look = self._found() or self.result(TryCalibrations()), self.state.look
        if found is None:
            table.set("")
            marked.set("")
            finding.set(Text("\n").join([self.trouble(TryCalibrations()), self._not_yet()]))
            return
        from icldiag.analyses.repairs import finding as sentence

        if found is not self._marked_in:
            self._mark_what_is_told(found)
        self.marked = min(self.marked, len(found.trials) - 1)
        own = Text("\n") + self._not_yet() if self._own_is_awaited(found) else Text("")
        told = sentence(found) + ("" if found.finished else self._how_far(found))
        finding.set(Text(visible(told, look.ascii_only)) + own)
        table.set(self._table(found))
        marked.set(self._about(found, found.trials[self.marked]))

    def _mark_what_is_told(self, found: Repairs) -> None:
        """The repair that the sentence above the table speaks of; at first what a resumed session had marked."""
        if self._marked_in is not None or not self.marked:
            told = found.mender if found.winner is None else found.winner
            self.marked = told or 0
        self._marked_in = found

    def _found(self) -> Repairs | None:
        """What was found for the selected query, or else for the whole prompt, or else the calibrations."""
        for search in _searches(self.state.query):
            found = self.peek(search)
            session, part = self._so_far.get(search, (None, None))
            if found is None and session is self.state.session:  # the prompt has not changed since
                found = part
            if found is not None:
                return found
        from icldiag.analyses.repairs import TryCalibrations

        return self.peek(TryCalibrations())

    def _how_far(self, found: Repairs) -> str:
        """A search that has not ended: how much of it is done."""
        if "repairs" in self.state.doing:
            return f" The search is running: {len(found.trials)} candidates so far; escape stops it and keeps the best."
        return f" The search was stopped after {len(found.trials)} of up to {found.budget} candidates."

    def _own_is_awaited(self, found: Repairs) -> bool:
        """Whether a search goes on, failed for this query, or was not begun, while an earlier one is shown."""
        from icldiag.analyses.repairs import TryCalibrations

        began = "repairs" in self.state.doing or _searches(self.state.query)[0] in self.state.failures
        return began or found is self.peek(TryCalibrations())

    def settled(self) -> bool:
        return super().settled() and "repairs" not in self.state.doing

    def _not_yet(self) -> Text:
        searches = _searches(self.state.query)
        for search in searches:
            if search in self.state.failures:
                return self.trouble(search)
        if "repairs" in self.state.doing:
            return self.trouble(searches[1])
        return self._invitation()

    def _invitation(self) -> Text:
        from icldiag.analyses.repairs import BUDGET

        prediction, query = self.prediction, self.state.query
        names, gold, answer = prediction.labels, prediction.gold[query], int(prediction.predicted[query])
        if gold is None:
            this = f"This query was answered {names[answer]}; without a gold label no repair of it can be judged."
        elif gold == answer:
            this = f"This query is answered right, {names[answer]}."
        else:
            this = f"This query was answered {names[answer]} and not {names[gold]}: press f to search for a repair."
        everything = (
            f"Press s to search for repairs of the prompt: up to {BUDGET} candidates, each tried on examples that "
            f"it was not made from and on {counted(len(prediction), 'query')}."
        )
        return Text(visible(f"{this} {everything}", self.state.look.ascii_only))

    def _table(self, found: Repairs) -> Text:
        """A line per repair around the marked one, cut at the panel's edge."""
        look = self.state.look
        lines = [Text("   net   +   -     p  this query   repair", look.muted)]
        first = max(0, min(self.marked - LISTED // 2, len(found.trials) - LISTED))
        for place, trial in enumerate(found.trials[first : first + LISTED], start=first):
            effect, marked = trial.selection, place == self.marked
            mends = {True: "mended", False: "still wrong", None: ""}[found.mends(trial, self.state.query)]
            lines.append(
                Text(
                    f"{'>' if marked else ' '} {effect.net:+4} {len(effect.mended):3} {len(effect.broken):3} "
                    f"{effect.p_value:5.2f}  {mends:<11}  {visible(trial.repair.name, look.ascii_only)}",
                    look.strong if marked else "",
                )
            )
        return Text("\n").join(lines)

    def _about(self, found: Repairs, trial: Trial) -> Text:
        """The marked repair in words: this query, the other ones, and what it costs."""
        from icldiag.analyses.repairs import verdict

        prompt, look = self.prompt, self.state.look
        compared, queries = trial.selection, trial.queries
        lines = [
            f"{trial.repair.name}: {verdict(found, trial, self.state.query)}.",
            f"Of {counted(compared.count, 'example')} to compare on, {compared.right_before} right before, "
            f"{compared.right_after} after; of {counted(queries.count, 'labelled query')} "
            f"{queries.right_before} before, {queries.right_after} after.",
            f"Afterwards {trial.tokens} tokens of demonstrations instead of {found.tokens_before}; needs "
            f"{trial.repair.needs}.",
        ]
        for word, places in (("mends", trial.queries.mended), ("breaks", trial.queries.broken)):
            lines += [f"{word:>6}  {prompt.queries[place].text}" for place in places]
        return Text("\n").join([Text(), *(Text(visible(line, look.ascii_only)) for line in lines)])

    # ---- keys -------------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self.search(None)

    def action_search_query(self) -> None:
        self.search(self.state.query)

    def search(self, query: int | None) -> None:
        """For what mends a query, or (None) the prompt."""
        search = _searches(query)[0]
        session = self.state.session
        if self.state.prediction is not None and session is not None and search not in self.state.results:
            self.marked = 0

            def keep(part: Repairs) -> None:  # in the search's thread
                self._so_far[search] = session, part

            self.start(search, keep)

    def action_stop(self) -> None:
        self.cancel("repairs")

    def action_mark(self, step: int) -> None:
        found = self._found()
        if found is not None:
            self.marked = min(max(self.marked + step, 0), len(found.trials) - 1)
            self.refresh_panel()

    def _chosen(self) -> Trial | None:
        found = self._found()
        return None if found is None else found.trials[self.marked]

    def action_take(self) -> None:
        """Change the prompt in place; the app's undo takes it back."""
        trial = self._chosen()
        if trial is not None:
            self.post_message(RepairTaken(trial.repair))

    def action_undo(self) -> None:
        self.post_message(EditUndone())

    def action_write(self) -> None:
        """Into the working directory, under a name that is still free."""
        found, trial, session = self._found(), self._chosen(), self.session
        if found is None or trial is None or session is None:
            return
        from icldiag.repair_output import write_repair

        target = free_path(Path.cwd() / f"{self.state.path.stem}-repaired.yaml")
        try:
            write_repair(session, trial, target)
        except IcldiagError as error:
            self.notify(visible(str(error)), severity="error", markup=False)
        else:
            self.notify(f"Written: {visible(str(target))}", markup=False)


def _searches(query: int | None) -> tuple[FindRepairs, FindRepairs]:
    """For a query, and for the prompt as a whole."""
    from icldiag.analyses.repairs import FindRepairs

    return FindRepairs(query), FindRepairs()
