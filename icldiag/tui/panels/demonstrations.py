"""Panel Demonstrations: what each demonstration takes from the queries' leads, alone and together with the others."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.render.columns import side_by_side
from icldiag.render.overview import strip_signs, taken_strip
from icldiag.render.shares import signed_bars
from icldiag.tui.panels.base import Line
from icldiag.tui.panels.cost import cost
from icldiag.tui.panels.parts import PartsPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.demonstrations import DemonstrationValues
    from icldiag.analyses.estimates import Estimate
    from icldiag.analyses.overview.compute import Perturb
    from icldiag.analyses.overview.stability import LeftOutSoFar, Stability
    from icldiag.model.readout import FloatArray

_JOB = "demonstrations"
_LEAST = 32  # cells of bars


class DemonstrationsPanel(PartsPanel):
    """Demonstrations by queries, those that take most first, queries that they do alike to side by side."""

    title, key, group = "Demonstrations", "H", "Diagnose"
    analysis = "demonstrations"
    job = "stability"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("alone",)
    purpose = (
        "Demonstrations: what each one gives to the right label's lead or takes from it, in which queries, and how "
        "many are right without it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "value", "divide among all sets"),
        Binding("v", "alone", "left out / divided"),
        Binding("escape", "stop", "stop"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="matrix-title", classes="body title")
        yield Line(id="matrix", classes="body")
        yield Line(id="signs", classes="body")
        yield Line(id="offer", classes="body gap")
        yield Line(id="given-title", classes="body title")
        yield Line(id="given", classes="body")

    def on_mount(self) -> None:
        self.alone = False  # left out alone, also where the division is there
        self.so_far: list[DemonstrationValues] = []  # of the computation that runs; its thread appends

    def request(self) -> Perturb:
        from icldiag.analyses.overview.compute import Perturb

        return Perturb()

    def settled(self) -> bool:
        """While it computes, every report may bring better values."""
        return super().settled() and _JOB not in self.state.doing

    def show(self) -> None:
        from icldiag.analyses.demonstrations import ValueDemonstrations
        from icldiag.analyses.overview.stability import LeftOutSoFar

        request, going = ValueDemonstrations(), _JOB in self.state.doing
        found = self.peek(request) or (self.so_far[-1] if going and self.so_far else None)
        rows = self._rows() if found is None else LeftOutSoFar(found.stability, len(found.stability.left_out))
        left_out = None if rows is None else rows.stability
        for name in ("#matrix-title", "#matrix", "#signs", "#given-title", "#given"):
            self.query_one(name).display = left_out is not None and bool(left_out.left_out)
        finding, offer = self.query_one("#finding", Line), self.query_one("#offer", Line)
        offer.set("")
        if rows is None or left_out is None:
            finding.set(self.trouble(self.request()))
            return
        if not left_out.left_out:
            finding.set("There is one demonstration, or one class of many: nothing to leave out beside the others.")
            return
        if found is None or self.alone:
            self._show_left_out(rows)
        else:
            self._show_values(found)
        if going or request in self.state.failures:
            offer.set(self.trouble(request))
        elif found is None and self.awaits:
            offer.set(self.trouble(self.request()))
        elif found is None:
            offer.set(self._offer(left_out))

    def _rows(self) -> LeftOutSoFar | None:
        """What is left out alone, as far as it is asked; what is not is asked for."""
        from icldiag.analyses.overview.stability import LeftOutSoFar

        whole, latest = self.known(self.request())
        return latest if whole is None else LeftOutSoFar(whole, len(whole.left_out))

    def _offer(self, left_out: Stability) -> str:
        from icldiag.analyses.demonstrations.compute import EXACT, PAIRS

        count, queries = len(left_out.left_out), len(left_out.queries)
        sets = 2**count if 2**count <= EXACT else 2 * PAIRS * (count - 1)
        how = f"all {sets} sets" if 2**count <= EXACT else f"{counted(PAIRS, 'pair')} of orders"
        return (
            "Two demonstrations that do the same seem worth nothing when one alone is left out. Press s to divide the "
            f"lead among all of them (Shapley's values, from {how}). {cost(self, sets * queries)}"
        )

    def _show_left_out(self, rows: LeftOutSoFar) -> None:
        from icldiag.analyses.demonstrations.reading import reading_so_far
        from icldiag.analyses.estimates import mean_estimate

        found, title = rows.stability, "left out alone: nats taken from the lead by query, + harms, - helps"
        self.query_one("#finding", Line).set(self.two_sentences(*reading_so_far(rows, self.prediction.labels)))
        errors = [self._beside(mean_estimate(row, found.classes)) for row in found.matrix]
        self._draw(title, found, found.matrix, errors, found.harmful if rows.whole else None)

    def _show_values(self, found: DemonstrationValues) -> None:
        from icldiag.analyses.demonstrations.reading import reading, reading_of_left_out

        alone = reading_of_left_out(found.stability, found.labels)[0]
        self.query_one("#finding", Line).set(self.two_sentences(reading(found), f"Left out alone: {alone}"))
        sign = self.state.look.sentence("±")
        # Of one pair of orders there is no error.
        errors = [
            self._beside(one) + ("" if found.exact or isnan(error) else f" {sign}{error:.1f} over orders")
            for one, error in zip(found.estimates, found.mean_errors, strict=True)
        ]
        title = "Shapley's values: nats taken from the lead by query, + harms, - helps"
        harmful = found.stability.harmful if not found.early else None
        self._draw(title, found.stability, -found.values, errors, harmful)

    def _beside(self, one: Estimate) -> str:
        """Half of the interval over the queries."""
        return "" if isnan(one.low) else f" {self.state.look.sentence('±')}{one.high - one.value:.1f} over queries"

    def _draw(self, title: str, found: Stability, matrix: FloatArray, errors: list[str], harmful: int | None) -> None:
        """Rows by what they take, columns by likeness."""
        from icldiag.analyses.demonstrations.reading import alike_queries, short_name

        rows = (-matrix.mean(axis=1)).argsort(kind="stable").tolist()
        columns = alike_queries(matrix)
        names = [short_name(self.prediction.labels, found.left_out[row]) for row in rows]
        notes = []
        for row in rows:
            accuracy = found.accuracy(found.left_out[row].predicted)
            right = "" if accuracy is None else f"  {accuracy:.0%} right"
            notes.append(f"{errors[row]}{right}{'  <- stands out' if row == harmful else ''}")
        before = found.accuracy(found.predicted)
        with_all = "" if before is None else f"; {before:.0%} right with all"
        self.query_one("#matrix-title", Line).set(f"{title}{with_all}")
        queries = [found.queries[column] for column in columns]
        width = max(20, self.room.width - 2)
        query, look, sorted_ = self.state.query, self.state.look, matrix[rows][:, columns]
        texts = [self._text(found.left_out[row].without) for row in rows]
        drawn = taken_strip(names, sorted_, notes, queries, query, look, width, "mean, + harms", texts)
        self.query_one("#matrix", Line).set(drawn)
        self.query_one("#signs", Line).set(strip_signs(queries, query))
        self._draw_given(names, sorted_, queries)

    def _text(self, without: tuple[int, ...]) -> str:
        """Of the demonstration that is left out; of several none."""
        return " / ".join(self.prompt.demonstrations[without[0]].texts) if len(without) == 1 else ""

    def _draw_given(self, names: list[str], taken: FloatArray, queries: list[int]) -> None:
        """What each gives to the selected query's lead, and beside it to all: the same in bars."""
        query, look, width = self.state.query, self.state.look, self.room.width
        names = [visible(name, look.ascii_only) for name in names]
        blocks = [(f"mean of {counted(len(queries), 'query')}", -taken.mean(axis=1))]
        if query in queries:
            blocks.insert(0, (f"query {query + 1}", -taken[:, queries.index(query)]))
        each = width // len(blocks) - 4
        if each < _LEAST:  # one under the other would be seen by nobody
            blocks, each = blocks[:1], width - 4
        drawn = [
            [Text(f"   {title}", look.chosen), *signed_bars(names, values.tolist(), look, min(each, 76)).split("\n")]
            for title, values in blocks
        ]
        title = "nats given to the lead, at the right, or taken from it, at the left"
        self.query_one("#given-title", Line).set(title)
        self.query_one("#given", Line).set(side_by_side(drawn))

    def left(self) -> None:
        """What is left out alone is computed to its end: Overview and Why tell of it too."""

    def idle(self) -> set[str]:
        return set() if _JOB in self.state.doing else {"stop"}

    def action_value(self) -> None:
        from icldiag.analyses.demonstrations import ValueDemonstrations

        if self.state.prediction is not None and ValueDemonstrations() not in self.state.results:
            so_far: list[DemonstrationValues] = []
            self.so_far, self.alone = so_far, False
            self.start(ValueDemonstrations(), so_far.append)

    def action_alone(self) -> None:
        self.alone = not self.alone
        self.refresh_panel()

    def action_stop(self) -> None:
        self.cancel(_JOB)
