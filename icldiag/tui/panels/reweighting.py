"""Panel Reweight: train how much each head listens to each label word, and see which answers it mends."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.analyses.isolation.cuts import in_heads
from icldiag.counting import counted, few, shown_of
from icldiag.render.changes import Change, before_after, changed_answers, outcome, tally
from icldiag.render.curves import Chart, Curve
from icldiag.tui import requests
from icldiag.tui.examples import example
from icldiag.tui.layers import LayerChart
from icldiag.tui.messages import BetaToggled
from icldiag.tui.panels.base import Finding, Line, Panel
from icldiag.tui.panels.cost import cost

if TYPE_CHECKING:
    from icldiag.analyses.reweighting.compute import Reweight, Reweighting

_JOB = "reweighting"
_NAMED = 6  # heads at most in a sentence


class ReweightingPanel(Panel):
    """Start, loss per epoch, before and after; the trained beta can be put in force in the whole session."""

    title, key, group = "Reweight", "6", "Fix"
    analysis = "reweighting"
    purpose = (
        "Reweight: train a factor exp(beta) on the target's attention to each label word, on the prompt's examples "
        "(anchor re-weighting, the paper's section 3.1)."
    )
    example = "#finding, #loss"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("anchor_heads",)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "train", "start training"),
        Binding("h", "heads", "anchor heads / all"),
        Binding("escape", "stop", "stop"),
        Binding("b", "beta", "on / off in all panels"),
    ]

    def idle(self) -> set[str]:
        if _JOB in self.state.doing:
            return {"train", "heads", "beta"}
        if self.state.prediction is None:  # until then nothing is imported for this
            return {"stop", "beta"}
        found = self.peek(self.request()) is not None
        return {"stop", "train" if found or self._lacking() else "", "" if found else "beta"}

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="example", classes="body")
        yield Line(id="on-off", classes="body")
        yield LayerChart(id="loss", classes="body")
        yield Line(id="before-after", classes="body gap")
        yield Line(id="changed-title", classes="body gap")
        yield Line(id="changed", classes="body")

    def on_mount(self) -> None:
        self.losses: list[float] = []  # of the training that runs; its thread appends
        self.anchor_heads = False  # weighted alone

    def request(self) -> Reweight:
        return requests.reweighting(self.anchor_heads)

    def settled(self) -> bool:
        """While it trains, every report may bring another epoch's loss."""
        return super().settled() and _JOB not in self.state.doing

    def show(self) -> None:
        from icldiag.analyses.reweighting.training import TrainingSettings

        found = self.peek(self.request())
        training = _JOB in self.state.doing
        self.query_one("#loss").display = found is not None or (training and bool(self.losses))
        for name in ("#on-off", "#before-after", "#changed-title", "#changed"):
            self.query_one(name).display = found is not None
        waits = found is None and not training and self.request() not in self.state.failures
        self.query_one("#example", Line).set(example("reweight", self.state.look) if waits else "")
        if found is not None:
            self._show_result(found)
            return
        finding = self.query_one("#finding", Line)
        if training or self.request() in self.state.failures:
            finding.set(self.trouble(self.request()))
            self._show_loss(list(self.losses), TrainingSettings().epochs)
        else:
            finding.set(self.two_sentences(*self._offer()))

    def _offer(self) -> tuple[str, str]:
        """What would be trained, on the examples that this prompt has."""
        from icldiag.analyses.repairs.effort import STEP
        from icldiag.analyses.reweighting.training import TrainingSettings

        prompt, settings, short = self.prompt, TrainingSettings(), self._lacking()
        if not prompt.demonstrations:
            return "This prompt has no demonstrations that all queries share, so no anchors to weight.", ""
        what = f"{settings.per_class} examples of each label for {settings.epochs} epochs"
        if not short:
            count = settings.per_class * len(prompt.labels)
            alone = ", the anchor heads alone" if self.anchor_heads else ""
            return (
                f"Press s to train on {count} examples: {what}{alone}.",
                f"{self._changes()}. It takes a pass of each "
                f"example, {count * settings.epochs} of one token, forward and backward, and the queries once more. "
                + cost(self, count + len(prompt.queries) + STEP * count * settings.epochs),
            )
        return (
            f"There are too few examples to train on: it takes {what}.",
            f"The prompt file's field 'examples' lacks some of {few(short, 4)}; add them (key e) to train.",
        )

    def _lacking(self) -> list[str]:
        """Labels with too few examples to train on."""
        from icldiag.analyses.reweighting.training import TrainingSettings

        has = Counter(example.label for example in self.prompt.examples if example.label is not None)
        per_class = TrainingSettings().per_class
        return [name for label, name in enumerate(self.prompt.label_names) if has[label] < per_class]

    def _changes(self) -> str:
        if not self.anchor_heads:
            return "It changes the target's attention to the label words, and nothing else"
        return (
            "It changes the target's attention to the label words in the heads that carry half of what it reads there "
            "(panel Heads; they are looked for first), and nothing else"
        )

    def _show_loss(self, losses: list[float], epochs: int) -> None:
        if losses:
            padded = [*losses, *[math.nan] * (epochs - len(losses))]
            curve = Curve("mean loss", "o", padded, self.state.look.chosen)
            chart = self.query_one(LayerChart)
            chart.set(len(padded), len(losses) - 1, self.state.look)
            chart.draw(Chart((curve,), high=max(losses), unit="epoch", first=1), 5)

    def _show_result(self, trained: Reweighting) -> None:
        from icldiag.tui.carried import tried

        prediction, query, look, width = self.prediction, self.state.query, self.state.look, self.room.width
        found, queries = tried(trained, self.prompt)
        row = queries.index(query) if query in queries else None
        self.query_one("#finding", Line).set(self.two_sentences(*self._finding(found, queries, row)))
        key = "It is on in all panels; b turns it off." if self._in_force(trained) else "b turns it on in all panels."
        self.query_one("#on-off", Line).set(f"{self._weighted(trained)}{key}")
        self._show_loss(list(found.loss), len(found.loss))
        self.query_one("#before-after").display = row is not None
        for name in ("#changed-title", "#changed"):
            self.query_one(name).display = bool(queries)
        if row is not None:
            before, after = (of.probabilities[row].tolist() for of in (found.before, found.after))
            self.query_one("#before-after", Line).set(
                before_after(prediction.labels, before, after, prediction.gold[query], look, width)
            )
        signs = {**dict.fromkeys(found.after.mended, "+"), **dict.fromkeys(found.after.broken, "x")}
        labels = prediction.labels
        changes = [
            Change(
                prediction.texts[queries[at]],
                labels[found.before.predicted[at]],
                labels[found.after.predicted[at]],
                signs.get(at, " "),
            )
            for at in sorted(found.changed, key=lambda at: " +x".find(signs.get(at, " ")) % 3)
        ]
        title = tally(len(changes), len(found.after.mended), len(found.after.broken), len(found.after.unjudged))
        self.query_one("#changed-title", Line).set(Text(title, look.muted))
        self.query_one("#changed", Line).set(changed_answers(changes, look, width))

    def _in_force(self, trained: Reweighting) -> bool:
        """This one, where the other one is trained as well."""
        both = all(one in self.state.results for one in requests.reweightings())
        return self.state.beta_on and (not both or np.array_equal(self.state.beta, trained.beta))

    def _weighted(self, trained: Reweighting) -> str:
        heads = trained.settings.heads
        if not heads or heads == "anchor":
            return ""
        shown = shown_of(len(heads), _NAMED)
        some = in_heads(heads[:shown]) + (f" and {len(heads) - shown} more" if len(heads) > shown else "")
        return f"Weighted in {some} alone. "

    def _finding(self, found: Reweighting, queries: tuple[int, ...], row: int | None) -> tuple[str, str]:
        """`queries` are those that it was tried on, `row` is the selected one's place among them."""
        from icldiag.analyses.reweighting.section import effect_in_words

        n, trained = len(self.prediction), f"Trained on {counted(found.examples, 'example')}"
        if not queries:
            return f"{trained}, before the prompt was changed.", "What it does to these answers is seen when it is on."
        if row is None:
            first = f"{trained}, before this query was asked."
        else:
            before, after = (of.probabilities[row].tolist() for of in (found.before, found.after))
            first = f"{trained}: this answer {outcome(self.prediction.labels, before, after)}."
        of = "It" if len(queries) == n else f"Of the {n} queries it was tried on {len(queries)}; there it"
        return first, f"{of} {effect_in_words(found.after)}."

    def action_train(self) -> None:
        if (
            self.state.prediction is not None
            and self.request() not in self.state.results
            and _JOB not in self.state.doing
        ):
            losses: list[float] = []
            self.losses = losses
            self.start(self.request(), losses.append)

    def action_heads(self) -> None:
        """Weight the anchor heads alone, which training looks for, or all heads again."""
        if _JOB in self.state.doing:
            self.notify("It trains; escape stops it.", markup=False)
            return
        self.anchor_heads = not self.anchor_heads
        self.refresh_panel()

    def action_stop(self) -> None:
        self.cancel(_JOB)

    def action_beta(self) -> None:
        found = self.peek(self.request())
        if found is not None:
            self.post_message(BetaToggled(None if self._in_force(found) else found.beta))
