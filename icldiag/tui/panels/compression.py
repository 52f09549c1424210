"""Panel Compress: how much of the answers survives when only anchors and template are kept of the demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.render.changes import before_after, outcome
from icldiag.tui import requests
from icldiag.tui.examples import example
from icldiag.tui.panels.base import Finding, Line, Panel
from icldiag.tui.panels.cost import cost

if TYPE_CHECKING:
    from icldiag.analyses.compression.compute import Compression, Method
    from icldiag.analyses.prediction.compute import Prediction

_JOB = "compression"
_NAMES = ("anchors kept", "anchors as a text")  # Hidden_anchor and Text_anchor in the paper


class CompressionPanel(Panel):
    """Loyalties and accuracy of Hidden_anchor beside the paper's baselines, cache size and speed."""

    title, key, group = "Compress", "7", "Fix"
    analysis = "compression"
    purpose = (
        "Compress: keep only the label words' and the template's keys and values of the demonstrations, and see how "
        "many answers stay (context compression, the paper's section 3.2: Hidden_anchor, against Text_anchor and "
        "Hidden_random)."
    )
    example = "#finding, #table"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "measure", "start measuring"),
        Binding("escape", "stop", "stop"),
    ]

    def idle(self) -> set[str]:
        if _JOB in self.state.doing:
            return {"measure"}
        found = self.state.prediction is not None and self.peek(requests.compression()) is not None
        return {"stop", "measure"} if found else {"stop"}

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="example", classes="body")
        yield Line(id="table", classes="body")
        yield Line(id="draws", classes="body")
        yield Line(id="before-after", classes="body gap")
        yield Line(id="size", classes="body gap")

    def on_mount(self) -> None:
        self.methods: list[Method] = []  # of the measurement that runs; its thread appends

    def settled(self) -> bool:
        """While it measures, every report may bring another draw."""
        return super().settled() and _JOB not in self.state.doing

    def show(self) -> None:
        found = self.peek(requests.compression())
        measuring = _JOB in self.state.doing
        for name in ("#before-after", "#size"):
            self.query_one(name).display = found is not None
        for name in ("#table", "#draws"):
            self.query_one(name).display = found is not None or measuring
        waits = found is None and not measuring and requests.compression() not in self.state.failures
        self.query_one("#example", Line).set(example("compress", self.state.look) if waits else "")
        if found is not None:
            self._show_result(found)
            return
        finding = self.query_one("#finding", Line)
        if measuring or requests.compression() in self.state.failures:
            finding.set(self.trouble(requests.compression()))
            self._show_methods(list(self.methods))
        else:
            finding.set(self.two_sentences(*self._offer()))

    def _offer(self) -> tuple[str, str]:
        """What would be measured on this prompt."""
        from icldiag.analyses.compression.compute import DRAWS, kept_positions

        session, prompt = self.session, self.prompt
        if not prompt.demonstrations:
            return "This prompt has no demonstrations that all queries share, so there is nothing to compress.", ""
        kept, of = len(kept_positions(session.encoded)), len(session.encoded.prefix)
        return (
            f"Press s to answer from {kept} of the {of} positions of the demonstrations: label words and template.",
            f"It answers {counted(len(prompt.queries), 'query')} in {DRAWS + 2} ways, "
            f"{(DRAWS + 2) * len(prompt.queries)} passes of a query: with the anchors kept, with them "
            f"as a text of their own, and with {DRAWS} draws of random words. "
            + cost(self, (DRAWS + 2) * len(prompt.queries)),
        )

    def _show_methods(self, methods: Sequence[Method], full: tuple[float | None, int] | None = None) -> None:
        """The table as far as it has come; the draws are rows of numbers under it."""
        look, draws = self.state.look, methods[len(_NAMES) :]
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, overflow="crop", min_width=max(map(len, _NAMES)))
        for _ in range(4):
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", "loyalty: label", "word", "accuracy", "positions", style=look.muted)
        if full is not None:
            table.add_row("whole prompt", "1.00", "1.00", _two(full[0]), str(full[1]))
        for name, method in zip(_NAMES, methods, strict=False):
            table.add_row(name, *_numbers(method), style=look.chosen if name == _NAMES[0] else "")
        if draws:
            best = max(draws, key=lambda method: method.answers.label_loyalty)
            table.add_row(f"best of {counted(len(draws), 'draw')}", *_numbers(best))
        self.query_one("#table", Line).set(table)
        loyalties = " ".join(f"{method.answers.label_loyalty:.2f}".lstrip("0") for method in draws)
        text = f"\nlabel loyalty with random words kept instead, draw by draw:\n{loyalties}" if draws else ""
        self.query_one("#draws", Line).set(Text(text, look.muted))

    def _show_result(self, found: Compression) -> None:
        prediction, query, look, width = self.prediction, self.state.query, self.state.look, self.room.width
        self.query_one("#finding", Line).set(self.two_sentences(*self._finding(found, prediction)))
        methods = (found.hidden_anchor, found.text_anchor, *found.random_draws)
        self._show_methods(methods, (found.full.accuracy, found.demonstration_tokens))
        spread, draws = found.hidden_random, self.query_one("#draws", Line)
        mean, deviation = spread.label_loyalty
        draws.set(draws.text.append(f"\nmean {mean:.2f}, standard deviation {deviation:.2f}"))
        before = found.full.probabilities[query].tolist()
        after = found.hidden_anchor.answers.probabilities[query].tolist()
        bars = before_after(prediction.labels, before, after, prediction.gold[query], look, width, height=7)
        self.query_one("#before-after", Line).set(bars)
        old, new = (size / 2**20 for size in found.cache_bytes)
        text = f"cache {old:.2f} MiB before, {new:.2f} MiB after"
        if found.speed_up is not None:
            text += (
                f"; a query is answered {found.speed_up.against_full_prompt:.1f} times as fast as with the whole "
                f"prompt encoded again, {found.speed_up.against_full_cache:.1f} times as fast as on the full cache "
                "(below 1 it is slower)"
            )
        self.query_one("#size", Line).set(Text(text, look.muted))

    def _finding(self, found: Compression, prediction: Prediction) -> tuple[str, str]:
        from icldiag.analyses.compression.section import stay

        query, answers = self.state.query, found.hidden_anchor.answers
        before, after = (of.probabilities[query].tolist() for of in (found.full, answers))
        now = outcome(prediction.labels, before, after)
        kept = len(found.hidden_anchor.kept_positions)
        return (
            f"From the anchors and the template alone, {kept} of {found.demonstration_tokens} positions, this answer "
            f"{now}.",
            f"Of {counted(len(prediction), 'answer')} {stay(found.hidden_anchor)} stay (label loyalty "
            f"{answers.label_loyalty:.2f}).",
        )

    def action_measure(self) -> None:
        if (
            self.state.prediction is not None
            and requests.compression() not in self.state.results
            and _JOB not in self.state.doing
        ):
            methods: list[Method] = []
            self.methods = methods
            self.start(requests.compression(), methods.append)

    def action_stop(self) -> None:
        self.cancel(_JOB)


def _numbers(method: Method) -> tuple[str, ...]:
    answers = method.answers
    loyalties = f"{answers.label_loyalty:.2f}", f"{answers.word_loyalty:.2f}"
    return *loyalties, _two(answers.accuracy), str(len(method.kept_positions))


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
