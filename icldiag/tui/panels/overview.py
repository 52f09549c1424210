"""Panel Overview: what is wrong with the prompt as a whole, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.overview import Cell, answer_table, cells, label_bars, lean_bars, strip, strip_signs
from icldiag.tui.messages import CellWanted, RepairWanted
from icldiag.tui.panels.applying import APPLY_KEY, UNDO_KEY, ApplyingPanel
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.cost import in_short, of_search
from icldiag.tui.panels.next_steps import Situation, drawn, next_steps
from icldiag.tui.panels.parts import PartsPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.overview import Overview, Summarise
    from icldiag.analyses.overview.stability import Stability
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.analyses.repairs import Repairs
    from icldiag.analyses.search.repair import Repair

_SIDE_BY_SIDE = 96  # columns from which two tables are beside each other


def request(everything: bool = False) -> Summarise:
    """What the panel asks for; orders and demonstrations on a sample of the queries, or on all."""
    from icldiag.analyses.overview import Summarise

    return Summarise(None) if everything else Summarise()


class OverviewPanel(PartsPanel, ApplyingPanel):
    """The verdict, its evidence line by line as it comes, and a measured repair that can be applied in place."""

    title, key, group = "Overview", "O", "Diagnose"
    analysis = "overview"
    job = "overview"
    purpose = (
        "Overview: what is wrong with the prompt as a whole. How many answers are right, which labels are answered for "
        "which, whether the scores tell the labels apart, where the prompt leans, what the model would write instead, "
        "whether other orders or a demonstration left out change the answers; and what to do next."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        APPLY_KEY,
        Binding("escape", "stop", "stop"),
        Binding("m", "repair", "repair"),
        Binding("left", "cell(0, -1)", "choose cell left", key_display="arrows"),
        Binding("right", "cell(0, 1)", "choose cell right", key_display="arrows"),
        Binding("up", "cell(-1, 0)", "choose cell up", key_display="arrows"),
        Binding("down", "cell(1, 0)", "choose cell down", key_display="arrows"),
        Binding("enter", "list", "cell's queries"),
        Binding("c", "error", "next error"),
        UNDO_KEY,
        Binding("l", "everything", "all queries"),
        Binding("s", "again", "again"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="applied", classes="body now")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="log", classes="body")
        yield Line(id="doing", classes="body")
        yield Line(id="next", classes="body gap")
        yield Line(id="table", classes="body gap")
        yield Line(id="labels", classes="body gap")
        yield Line(id="lean", classes="body gap")
        yield Line(id="strip", classes="body gap")
        yield Finding(id="query", classes="body gap")
        yield Line(id="lines", classes="body gap")

    def on_mount(self) -> None:
        self.everything = False
        self.cell: Cell | None = None  # of the table, where the cursor is
        self.listed: Cell | None = None  # whose queries are listed

    def idle(self) -> set[str]:
        """All queries are asked for in the text; the others have room on one line."""
        running, prediction = self.job in self.state.doing, self.state.prediction
        idle = super().idle() | {"everything", "error" if running or self.state.undo else "undo"}
        idle |= {"error"} if prediction is not None and not prediction.wrong else set()
        idle |= {"repair"} if self.too_few() else set()
        return idle | ({"undo"} if running else set())

    def request(self) -> Summarise:
        return request(self.everything)

    def show(self) -> None:
        asked, look = self.request(), self.state.look
        self.query_one("#applied", Line).set(self.applied_line())
        whole, found = self.known(asked)
        doing = "" if whole is not None else self.doing(asked)
        if self.state.stored and found is not None:
            doing = Text("Saved by an earlier run; the model is loading.", look.muted)
        self.query_one("#doing", Line).set(doing)
        self._show(found)

    def _show(self, found: Overview | None) -> None:
        look, width = self.state.look, self.room.width
        set_ = {line.id: line for line in self.query(Line) if line.id not in (None, "doing", "applied")}
        if found is None:
            for line in set_.values():
                line.set("")
            return
        from icldiag.analyses.overview import headline, lines
        from icldiag.analyses.overview.reading import sample

        set_["finding"].set(Text(self._visible(headline(found))))
        set_["log"].set(self._of_log())
        set_["next"].set(self._next(found))
        set_["table"].set(answer_table(found, look, width, self.cell) if found.measures is not None else "")
        set_["labels"].set(label_bars(found, look, width))
        set_["lean"].set("" if found.lean is None else lean_bars(found, found.lean, look, width))
        stability = found.stability
        if stability is None or not stability.left_out:
            set_["strip"].set("")
        else:
            asked = f"{sample(stability)}{self._more(stability)}"
            signs = strip_signs(stability.queries, self.state.query)
            title = f"what each demonstration gives to {stability.lead}, a column a query in the prompt's order"
            head = Text.assemble((f"{title}:", f"bold {look.muted}"), (f" {signs}. {asked}\n", look.muted))
            set_["strip"].set(head.append_text(strip(found, stability, self.state.query, look, width)))
        set_["query"].set(self._query(found))
        rows = [Text.assemble((f"{line.name}: ", look.chosen), self._visible(line.sentence)) for line in lines(found)]
        set_["lines"].set(Text("\n").join(rows))

    def _of_log(self) -> Text:
        """Whose the answers are, where the prompt came from a log that has others."""
        from icldiag.analyses.prediction.of_log import of_log

        told = of_log(self.prompt, self.state.prediction)
        return Text("" if told is None else self._visible(f"{told[0].upper()}{told[1:]}."), self.state.look.muted)

    def _more(self, stability: Stability) -> str:
        """The key that asks the rest of the queries, or the sample again."""
        if self.everything:
            return " (l: a sample)"
        return "" if len(stability.queries) == stability.of else " (l: all)"

    def _next(self, found: Overview) -> RenderableType:
        """What fixes the prompt, as panel Repair has it; after a search there, what that found."""
        searched, state = self.searched(), self.state
        now = Situation(
            searched,
            self.offers,
            takes="" if searched is not None or found.repairs is None else in_short(self, of_search(self)),
            searching="repairs" in state.doing,
            trying=self.job in state.doing,
            calibrated=self.prompt.calibration is not None,
            repaired=self.takes_off,
        )
        self.unoffered = {"#next": lambda: drawn(next_steps(found, replace(now, offers=False)), state.look)}
        return drawn(next_steps(found, now), state.look)

    def _query(self, found: Overview) -> Text:
        """What the verdict says of the selected query."""
        query, names, look = self.state.query, found.labels, self.state.look
        gold, answer = found.gold[query], names[found.predicted[query]]
        said = f"Query {query + 1}: {answer}"
        said += "; its gold label is unknown" if gold is None else ", right" if names[gold] == answer else ""
        if gold is not None and names[gold] != answer:
            said += f", want {names[gold]}"
            if found.explains(query):
                said += "; the lean explains it"
        if found.repairs is not None and (trials := found.repairs.calibrations):
            after = ", ".join(f"{one.repair.name.split()[0]} {names[one.predicted[query]]}" for one in trials)
            said += f"; with calibrations: {after}"
        return Text(self._visible(f"{said}."), look.strong)

    def _visible(self, text: str) -> str:
        return visible(text, self.state.look.ascii_only)

    # ---- keys -------------------------------------------------------------------------------------------------------

    def action_everything(self) -> None:
        """Orders and demonstrations on all queries, or on the sample again."""
        self.everything = not self.everything
        self.action_again()

    def action_error(self) -> None:
        """List only the queries of the commonest error, then of the next; after the last all again."""
        prediction = self.state.prediction
        if prediction is None:
            return
        errors = _errors(prediction)
        if not errors:
            self.notify("No labelled query is answered wrong.", markup=False)
        place = errors.index(self.listed) + 1 if self.listed in errors else 0
        self._list(errors[place] if place < len(errors) else None)

    def _list(self, cell: Cell | None) -> None:
        """List a cell's queries, with the cursor on it, or (None) all."""
        self.listed, self.cell = cell, cell or self.cell
        self.post_message(CellWanted(cell))
        self.refresh_panel()

    def on_click(self, event: events.Click) -> None:
        """A cell of the table lists its queries."""
        cell = event.style.meta.get("cell")
        if cell is not None and not self.dimmed:
            self._list(cell)

    def action_list(self) -> None:
        """The queries of the cell under the cursor; all again where those are listed."""
        if self.cell is None:
            self.action_error()
        else:
            self._list(None if self.cell == self.listed else self.cell)

    def action_cell(self, rows: int, columns: int) -> None:
        """Move the cursor; at the table's ends the panel scrolls."""
        found: Overview | None = self.latest(self.request())
        table = [] if found is None or found.measures is None else cells(found, self.room.width)
        here = [
            (row, column) for row, line in enumerate(table) for column, cell in enumerate(line) if cell == self.cell
        ]
        if not here:
            errors = [] if self.state.prediction is None else _errors(self.state.prediction)
            first = next((cell for cell in errors if any(cell in line for line in table)), None)
            self.cell = first or (table[0][0] if table and table[0] else None)
        else:
            row, column = here[0][0] + rows, here[0][1] + columns
            if 0 <= row < len(table) and 0 <= column < len(table[row]):
                self.cell = table[row][column]
            elif rows:
                self.scroll_relative(y=rows, animate=False)
        if self.cell is None and rows:
            self.scroll_relative(y=rows, animate=False)
        self.refresh_panel()

    def repair(self) -> tuple[Repair, str, Repairs] | None:
        """The one that NEXT names, if it gains on texts that it was not chosen by."""
        if not (self.parts or self.state.results):  # nothing is imported to find out
            return None
        from icldiag.analyses.repairs import trial_in_short

        found: Overview | None = self.latest(self.request())
        known = self.searched() or (None if found is None else found.repairs)
        if known is None or known.best is None or not known.holds:
            return None
        return known.best.repair, trial_in_short(known, known.best), known

    def action_repair(self) -> None:
        self.post_message(RepairWanted(None))


def _errors(prediction: Prediction) -> list[Cell]:
    """Gold label and answer of each kind of error, the commonest first."""
    counts = prediction.counts
    found = [(int(gold), int(answer)) for gold, answer in zip(*counts.nonzero(), strict=True) if gold != answer]
    return sorted(found, key=lambda cell: (-int(counts[cell]), cell))
