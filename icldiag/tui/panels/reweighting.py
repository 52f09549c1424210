"""Panel Reweight: train how much each head listens to each label word, and see which answers it mends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.stages import progress_bar
from icldiag.render.visible import visible
from icldiag.tui.messages import BetaToggled
from icldiag.tui.panels.base import Line, Panel

if TYPE_CHECKING:
    from icldiag.analyses.reweighting import Reweighting

KEY = ("trained", "beta")


class ReweightingPanel(Panel):
    """Start, loss per epoch, before and after; the trained beta can be put in force in the whole session."""

    title = "Reweight"
    purpose = (
        "Reweight: train a factor exp(beta) on the target's attention to each label word, on the prompt's examples "
        "(anchor re-weighting, the paper's section 3.1)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "train", "train"),
        Binding("escape", "stop", "stop"),
        Binding("b", "beta", "apply / take off"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="loss", classes="body")
        yield Line(id="changed", classes="body")

    def show(self) -> None:
        finding, loss, changed = (self.query_one(name, Line) for name in ("#finding", "#loss", "#changed"))
        found: Reweighting | None = self.state.results.get(KEY)
        loss.set("")
        changed.set("")
        if found is None:
            doing = self.state.doing.get("reweighting")
            if KEY in self.state.failures or doing:
                finding.set(self.trouble(KEY, "reweighting"))
            else:
                finding.set("Press s to train on 4 examples of each label for 10 epochs.")
            return
        before, after = (_percent(answers.accuracy) for answers in (found.before, found.after))
        force = "It is in force everywhere; b takes it off." if self.state.beta_on else "b puts it in force everywhere."
        finding.set(
            f"Trained on {found.examples} examples: accuracy on the queries {before} before, {after} after; "
            f"{len(found.after.mended)} mended, {len(found.after.broken)} broken. {force}"
        )
        look = self.state.look
        top = max(found.loss)
        lines = [
            Text.assemble(f"epoch {epoch:>2}  loss {value:.3f}  ", progress_bar(value, top, look))
            for epoch, value in enumerate(found.loss, start=1)
        ]
        loss.set(Text("\n").join(lines))
        changed.set(self._changed(found))

    def _changed(self, found: Reweighting) -> Table:
        prompt, look = self.state.prompt, self.state.look
        assert prompt is not None
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=60)
        if found.changed:
            table.add_row("\nchanged", "\nbefore", "\nafter", "\ngold")
        for query in found.changed:
            gold = prompt.queries[query].label
            names = [prompt.label_names[of[query]] for of in (found.before.predicted, found.after.predicted)]
            cells = [prompt.queries[query].text, *names, "unknown" if gold is None else prompt.label_names[gold]]
            table.add_row(*(Text(visible(cell, look.ascii_only)) for cell in cells))
        return table

    def action_train(self) -> None:
        if self.state.prediction is not None and KEY not in self.state.results:
            self.start("reweighting", KEY, lambda session, progress: session.reweighting(progress=progress))

    def action_stop(self) -> None:
        self.cancel("reweighting")

    def action_beta(self) -> None:
        found: Reweighting | None = self.state.results.get(KEY)
        if found is not None:
            self.post_message(BetaToggled(None if self.state.beta_on else found.beta))


def _percent(accuracy: float | None) -> str:
    return "unknown" if accuracy is None else f"{accuracy:.0%}"
