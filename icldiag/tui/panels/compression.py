"""Panel Compress: how much of the answers survives when only anchors and template are kept of the demonstrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.tui.panels.base import Line, Panel

if TYPE_CHECKING:
    from icldiag.analyses.compression import Compression

KEY = ("compression",)


class CompressionPanel(Panel):
    """Loyalties and accuracy of Hidden_anchor beside the paper's baselines, cache size and speed."""

    title = "Compress"
    purpose = (
        "Compress: keep only the label words' and the template's keys and values of the demonstrations, and see how "
        "many answers stay (context compression, the paper's section 3.2)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "measure", "measure"),
        Binding("escape", "stop", "stop"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="table", classes="body")
        yield Line(id="size", classes="body")

    def show(self) -> None:
        found: Compression | None = self.state.results.get(KEY)
        finding, table, size = (self.query_one(name, Line) for name in ("#finding", "#table", "#size"))
        if found is None:
            table.set("")
            size.set("")
            if KEY in self.state.failures or "compression" in self.state.doing:
                finding.set(self.trouble(KEY, "compression"))
            else:
                finding.set("Press s to measure compression; it runs the queries on 23 caches.")
            return
        anchor, kept = found.hidden_anchor.answers, len(found.hidden_anchor.kept_positions)
        finding.set(
            f"On {kept} of {found.demonstration_tokens} positions the answers stay the same for "
            f"{anchor.label_loyalty:.0%} of the queries."
        )
        table.set(self._table(found))
        before, after = (size_ / 2**20 for size_ in found.cache_bytes)
        text = f"\ncache {before:.2f} MiB before, {after:.2f} MiB after"
        if found.speed_up is not None:
            text += (
                f"\na query is answered {found.speed_up.against_full_prompt:.1f} times as fast as with the whole "
                f"prompt encoded again, {found.speed_up.against_full_cache:.1f} times as fast as on the full cache"
            )
        size.set(text)

    def _table(self, found: Compression) -> Table:
        look = self.state.look
        table = Table.grid(padding=(0, 3))
        table.add_row("method", "label loyalty", "word loyalty", "accuracy", "positions", style=look.muted)
        table.add_row("full prompt", "1.00", "1.00", _two(found.full.accuracy), str(found.demonstration_tokens))
        methods = (
            ("anchors kept (Hidden_anchor)", found.hidden_anchor),
            ("anchors as a prompt (Text_anchor)", found.text_anchor),
            ("best of the random draws", found.hidden_random_top),
        )
        for name, method in methods:
            answers = method.answers
            loyalties = f"{answers.label_loyalty:.2f}", f"{answers.word_loyalty:.2f}"
            table.add_row(name, *loyalties, _two(answers.accuracy), str(len(method.kept_positions)))
        spread = found.hidden_random
        pairs = [spread.label_loyalty, spread.word_loyalty, spread.accuracy]
        shown = ["-" if pair is None else f"{pair[0]:.2f} +- {pair[1]:.2f}" for pair in pairs]
        table.add_row(f"random words (mean of {spread.draws})", *shown, str(len(found.hidden_anchor.kept_positions)))
        return table

    def action_measure(self) -> None:
        if self.state.prediction is not None and KEY not in self.state.results:
            self.start("compression", KEY, lambda session, progress: session.compression(progress=progress))

    def action_stop(self) -> None:
        self.cancel("compression")


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
