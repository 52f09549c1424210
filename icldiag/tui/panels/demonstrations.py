"""Panel Demonstrations: what each demonstration gives to the queries' leads, alone and together with the others."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.render.by_label import given_by_label
from icldiag.render.overview import given_strip, strip_signs
from icldiag.render.shares import signed_bar
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.cost import cost
from icldiag.tui.panels.parts import PartsPanel

if TYPE_CHECKING:
    from icldiag.analyses.demonstrations import DemonstrationValues
    from icldiag.analyses.estimates import Estimate
    from icldiag.analyses.overview.compute import Perturb
    from icldiag.analyses.overview.stability import LeftOutSoFar, Stability
    from icldiag.model.readout import FloatArray

_JOB = "demonstrations"
_MATRIX = ("#matrix-title", "#matrix", "#signs", "#beside-why", "#labels-title", "#labels")
_BESIDE_WHY = (
    "Left out: the prompt is written without it. Why hides a demonstration in its place, from one query's target, so "
    "its number can differ."
)
_SIDE = 6  # cells of a bar, at each side of its middle


def half_width(one: Estimate) -> float:
    """Of its interval; NaN where there is none."""
    return one.high - one.value


class DemonstrationsPanel(PartsPanel):
    """Demonstrations by queries, those that take most first."""

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
        yield Finding(id="finding", classes="body finding")
        yield Line(id="matrix-title", classes="body title")
        yield Line(id="matrix", classes="body")
        yield Line(id="signs", classes="body")
        yield Line(id="beside-why", classes="body")
        yield Line(id="offer", classes="body gap")
        yield Line(id="labels-title", classes="body title")
        yield Line(id="labels", classes="body")

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
        for name in _MATRIX:
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

        found = rows.stability
        self.query_one("#finding", Line).set(self.two_sentences(*reading_so_far(rows, self.prediction.labels)))
        errors = [self._error(half_width(mean_estimate(row, found.classes))) for row in found.matrix]
        self._draw("left out alone", found, -found.matrix, errors, found.harmful if rows.whole else None)

    def _show_values(self, found: DemonstrationValues) -> None:
        from icldiag.analyses.demonstrations.reading import reading, reading_of_left_out

        alone = reading_of_left_out(found.stability, found.labels)[0]
        self.query_one("#finding", Line).set(self.two_sentences(reading(found), f"Left out alone: {alone}"))
        errors = [self._error(half_width(one)) for one in found.estimates]
        if not found.exact:
            errors = [one + self._error(order) for one, order in zip(errors, found.mean_errors, strict=True)]
        harmful = found.stability.harmful if not found.early else None
        self._draw("Shapley's values", found.stability, found.values, errors, harmful, of_orders=not found.exact)

    def _error(self, half: float) -> str:
        """Of one query, or one pair of orders, there is none."""
        return f"{'' if isnan(half) else self.state.look.sentence('±') + format(half, '.2f'):>7}"

    def _draw(
        self,
        title: str,
        found: Stability,
        given: FloatArray,
        errors: list[str],
        harmful: int | None,
        of_orders: bool = False,
    ) -> None:
        """Rows by what they take; behind them the mean in bars, and the selected query's share."""
        from icldiag.analyses.demonstrations.reading import short_name

        look, query, queries = self.state.look, self.state.query, found.queries
        rows = given.mean(axis=1).argsort(kind="stable").tolist()
        names = [short_name(self.prediction.labels, found.left_out[row]) for row in rows]
        before, means = found.accuracy(found.predicted), given.mean(axis=1)
        most = float(abs(means).max()) or 1.0
        notes = []
        for row in rows:
            note = Text(errors[row], look.muted).append(" ")
            note.append_text(signed_bar(float(means[row]) / most, _SIDE, look, (look.wrong, look.right)))
            note.pad_right(len(errors[row]) + 2 * _SIDE + 2 - note.cell_len)
            if query in queries:
                note.append(f"{given[row, queries.index(query)]:+z7.2f}")
            accuracy = found.accuracy(found.left_out[row].predicted)
            note.append("" if accuracy is None else f"{accuracy:6.0%}")
            notes.append(note.append("  <- stands out" if row == harmful else "", look.wrong))
        sign = look.sentence("±")
        heads = f"mean {sign:>7}{f'{sign}ord' if of_orders else '':>{len(errors[0]) - 7}} "
        heads += f"{'takes':>{_SIDE}} {'gives':{_SIDE}}{'   this' if query in queries else ''}"
        heads += "" if before is None else " right"
        asked = self._asked(found, before)
        self.query_one("#matrix-title", Line).set(f"{title}: nats given to {found.lead}, - takes. {asked}")
        width = max(20, self.room.width - 2)
        texts = [self._text(found.left_out[row].without) for row in rows]
        drawn = given_strip(names, given[rows], notes, queries, query, look, width, heads, texts)
        self.query_one("#matrix", Line).set(drawn)
        self.query_one("#signs", Line).set(Text(strip_signs(queries, query), look.muted))
        self.query_one("#beside-why", Line).set(Text(_BESIDE_WHY, look.muted))
        known = all(label is not None for label in found.gold)
        of = "gold label" if known else "gold label, or their answer where there is none"
        self.query_one("#labels-title", Line).set(f"mean over the queries of each {of}: nats given to the lead")
        by_label = given_by_label(names, given[rows], found.classes, self.prediction.labels, look, width)
        self.query_one("#labels", Line).set(by_label)

    def _asked(self, found: Stability, before: float | None) -> str:
        """Which queries, and how many of these are right: not as many as of all."""
        asked = len(found.queries)
        which = f"{asked} of {found.of} queries" if asked < found.of else counted(asked, "query")
        right = "" if before is None else f"; {before:.0%} right with all demonstrations"
        return f"A column a query in the prompt's order, {which}{right}."

    def _text(self, without: tuple[int, ...]) -> str:
        """Of the demonstration that is left out; of several none."""
        return " / ".join(self.prompt.demonstrations[without[0]].texts) if len(without) == 1 else ""

    def left(self) -> None:
        """What is left out alone is computed to its end: Overview and Why tell of it too."""

    def idle(self) -> set[str]:
        if _JOB in self.state.doing:
            return {"value"}
        if self.state.prompt is not None and not self.state.prompt.demonstrations:
            return {"stop", "value", "alone"}
        return {"stop", "value" if self._divided() else "alone"}

    def _divided(self) -> bool:
        """Whether the lead is divided among the demonstrations."""
        if self.state.prediction is None:  # until then nothing is imported for this
            return False
        from icldiag.analyses.demonstrations import ValueDemonstrations

        return self.peek(ValueDemonstrations()) is not None

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
