"""Panel Why: the answer, the cause that an intervention confirms, and the other evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.tui.panels.base import Line, Panel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.explanation import Explanation, Finding

_JOB = "explanation"
_WIDE = 96  # columns from which a row of evidence has its reading beside it


class WhyPanel(Panel):
    """What explains the selected query's answer, and what does not."""

    title = "Why"
    purpose = (
        "Why: the answer to the selected query and what explains it. Demonstrations are removed, hidden and reordered, "
        "classes taken out, the label prior divided out, label words isolated; a cause is named only if such a change "
        "makes the right label (or, of an answer that is not wrong, the runner-up) the answer."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "stop", "stop"), Binding("s", "again", "again")]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="cause", classes="body")
        yield Line(id="further", classes="body")
        yield Line(id="evidence-title", classes="body gap")
        yield Line(id="evidence", classes="body")
        yield Line(id="undefined", classes="body gap")

    def on_mount(self) -> None:
        self.stopped = False  # by the user, for this query

    def query_changed(self) -> None:
        self.stopped = False

    def show(self) -> None:
        from icldiag.analyses.explanation import Explain, findings, of_cause

        request = Explain(self.state.query)
        self.query_one("#finding", Line).set(self._answer())
        found = self.peek(request) if self.stopped else self.result(request)
        parts = ("#further", "#evidence-title", "#evidence", "#undefined")
        for name in parts:
            self.query_one(name).display = found is not None
        if found is None:
            waiting = Text("Stopped; s explains it.") if self.stopped else self.trouble(request)
            self.query_one("#cause", Line).set(waiting)
            return
        self.query_one("#cause", Line).set(self._cause(found))
        further = [of_cause(cause, found) for cause in found.causes[1:]]
        self.query_one("#further", Line).set(self._listed("Also confirmed: ", further))
        title = f"evidence, from {found.runs} changed prompts and passes"
        self.query_one("#evidence-title", Line).set(Text(title, self.state.look.muted))
        self.query_one("#evidence", Line).set(self._table(findings(found)))
        self.query_one("#undefined", Line).set(self._listed("Undefined: ", found.missing))

    def action_stop(self) -> None:
        self.stopped = self.stopped or _JOB in self.state.doing
        self.cancel(_JOB)

    def action_again(self) -> None:
        """Explain what was stopped, or failed."""
        from icldiag.analyses.explanation import Explain

        self.stopped = False
        self.state.failures.pop(Explain(self.state.query), None)
        self.refresh_panel()

    def _shown(self, text: str) -> str:
        return visible(text, self.state.look.ascii_only)

    def _answer(self) -> Text:
        """The answer in one line: wrong or right, and between which labels it was."""
        prediction, query, look = self.state.prediction, self.state.query, self.state.look
        assert prediction is not None
        chances, gold = prediction.probabilities[query], prediction.gold[query]
        order = sorted(range(len(chances)), key=lambda label: -chances[label])
        won, second = order[0], order[1]

        def named(label: int, style: str) -> tuple[str, str]:
            return self._shown(f"{prediction.labels[label]} {chances[label]:.2f}"), style

        parts: list[str | tuple[str, str]]
        if gold is None:
            parts = [named(won, look.chosen), ", before ", named(second, "bold"), "; the right label is unknown."]
        elif gold != won:
            place = f", place {order.index(gold) + 1}" if len(order) > 2 else ""
            parts = [("x Wrong: ", look.wrong), named(won, look.chosen), " won. The right label is "]
            parts += [named(gold, look.gold), f"{place}."]
        else:
            parts = [("Right: ", look.right), named(won, look.gold), f", before {named(second, '')[0]}."]
        return Text.assemble(*parts)

    def _cause(self, found: Explanation) -> Text:
        from icldiag.analyses.explanation import reading
        from icldiag.analyses.explanation.reading import NAMES

        look = self.state.look
        if not found.causes:
            return Text.assemble(("Not explained. ", look.strong), self._shown(reading(found)))
        word = "Cause" if found.contest.wrong else "It hangs on"
        name = NAMES[found.causes[0].kind]
        return Text.assemble((f"{word}: {name}. ", look.chosen), self._shown(reading(found)))

    def _listed(self, opening: str, sentences: tuple[str, ...] | list[str]) -> RenderableType:
        if not sentences:
            return ""
        muted = self.state.look.muted
        lines = [Text.assemble((opening, muted), self._shown(sentence)) for sentence in sentences]
        return Text("\n").join(lines)

    def _table(self, rows: tuple[Finding, ...]) -> RenderableType:
        """Beside each other where there is room; else the reading under its numbers."""
        look = self.state.look
        if self.room.width >= _WIDE:
            table = Table.grid(padding=(0, 2, 0, 0))
            for _ in range(3):
                table.add_column(no_wrap=True)
            table.add_column(ratio=1)
            for row in rows:
                table.add_row(
                    Text(row.name, look.chosen),
                    Text(self._shown(row.number), look.strong),
                    Text(self._shown(row.scale), look.muted),
                    Text(self._shown(row.sentence)),
                )
            return table
        blocks: list[RenderableType] = []
        for row in rows:
            head = Text.assemble(
                (f"{row.name}  ", look.chosen),
                (f"{self._shown(row.number)}  ", look.strong),
                (self._shown(row.scale), look.muted),
            )
            blocks += [head, Padding(Text(self._shown(row.sentence)), (0, 0, 0, 2))]
        return Group(*blocks)
