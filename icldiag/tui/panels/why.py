"""Panel Why: what every diagnosis says about the selected query, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from icldiag.render.visible import visible
from icldiag.tui.panels import compression, reweighting
from icldiag.tui.panels.base import Line, Panel

if TYPE_CHECKING:
    from icldiag.analyses.compression import Compression
    from icldiag.analyses.confusion import Confusion
    from icldiag.analyses.extraction import Extraction
    from icldiag.analyses.isolation import Setting
    from icldiag.analyses.reweighting import Reweighting
    from icldiag.analyses.saliency import QueryFlow

Finding = tuple[str, Text]  # the tab that shows more, and a sentence


class WhyPanel(Panel):
    """The answer, then one sentence from each of the other panels."""

    title = "Why"
    purpose = (
        "Why: the answer to the selected query, and what each of the other panels says about it. Every sentence is "
        "computed; those of Reweight and Compress come when you have run them."
    )
    BINDINGS: ClassVar[list[BindingType]] = []

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield Line(id="findings", classes="body")

    def show(self) -> None:
        self.query_one("#finding", Line).set(Text(visible(self._answer(), self.state.look.ascii_only)))
        table = Table.grid(padding=(0, 2, 1, 0), collapse_padding=False)
        table.add_column(width=8, no_wrap=True)
        table.add_column(ratio=1)
        for tab, sentence in self._findings():
            table.add_row(Text(tab, self.state.look.chosen), sentence)
        self.query_one("#findings", Line).set(table)

    def _answer(self) -> str:
        prediction, query = self.state.prediction, self.state.query
        assert prediction is not None
        chances, gold = prediction.probabilities[query], prediction.gold[query]
        order = sorted(range(len(chances)), key=lambda label: -chances[label])
        won = f"{prediction.labels[order[0]]} ({chances[order[0]]:.2f})"
        if gold is None:
            second = order[1]
            return f"{won}, before {prediction.labels[second]} ({chances[second]:.2f}); the right label is unknown."
        if gold != order[0]:
            place = order.index(gold) + 1
            return (
                f"Wrong: {won} won. {prediction.labels[gold]}, the right label, has {chances[gold]:.2f}, place {place}."
            )
        return f"Right: {won} won, before {prediction.labels[order[1]]} ({chances[order[1]]:.2f})."

    def _findings(self) -> Iterator[Finding]:
        yield "Labels", self._labels()
        yield "Flow", self._flow()
        yield "Isolate", self._isolate()
        yield "Extract", self._extract()
        yield "Reweight", self._reweight()
        yield "Compress", self._compress()

    def _sentence(self, text: str) -> Text:
        return Text(visible(text, self.state.look.ascii_only))

    def _labels(self) -> Text:
        from icldiag.analyses.confusion import default_layer, reading

        session, prediction = self.state.session, self.state.prediction
        assert session is not None
        assert prediction is not None
        layer = default_layer(session.model.n_layers)
        key = ("confusion", layer)
        found: Confusion | None = self.result("confusion", key, lambda s, p: s.confusion(layer, p))
        if found is None:
            return self.trouble(key, "confusion")
        return self._sentence(reading(found, prediction, self.state.query))

    def _flow(self) -> Text:
        from icldiag.analyses.saliency import reading_of_query

        query, session = self.state.query, self.state.session
        assert session is not None
        key = ("flow", query)
        found: QueryFlow | None = self.result("saliency", key, lambda s, p: s.flow(query, progress=p))
        return (
            self.trouble(key, "saliency") if found is None else self._sentence(reading_of_query(found, session.encoded))
        )

    def _isolate(self) -> Text:
        """Label words that never read their texts: does the answer depend on what they gather in the shallow half?"""
        from icldiag.analyses.isolation import Cut, reading

        session, prediction = self.state.session, self.state.prediction
        assert session is not None
        assert prediction is not None
        layers = tuple(range(session.model.n_layers // 2))
        key = ("isolate", "text_to_label", layers)
        found: Setting | None = self.result(
            "isolation", key, lambda s, p: s.isolate(Cut.of("text_to_label", layers), progress=p)
        )
        if found is None:
            return self.trouble(key, "isolation")
        return self._sentence(reading(found, prediction, self.state.query))

    def _extract(self) -> Text:
        from icldiag.analyses.extraction import reading_of_query

        key = ("extraction",)
        found: Extraction | None = self.result("extraction", key, lambda s, p: s.extraction(p))
        return (
            self.trouble(key, "extraction")
            if found is None
            else self._sentence(reading_of_query(found, self.state.query))
        )

    def _reweight(self) -> Text:
        found: Reweighting | None = self.state.results.get(reweighting.KEY)
        if found is None:
            return Text("Not trained yet: s in its panel.", self.state.look.muted)
        prediction, query = self.state.prediction, self.state.query
        assert prediction is not None
        label = prediction.labels[found.after.predicted[query]]
        accuracy = "" if found.after.accuracy is None else f" Accuracy becomes {found.after.accuracy:.0%}."
        return self._sentence(f"With the trained beta this answer is {label}.{accuracy}")

    def _compress(self) -> Text:
        found: Compression | None = self.state.results.get(compression.KEY)
        if found is None:
            return Text("Not measured yet: s in its panel.", self.state.look.muted)
        prediction, query = self.state.prediction, self.state.query
        assert prediction is not None
        answers = found.hidden_anchor.answers
        label = prediction.labels[answers.predicted[query]]
        return self._sentence(
            f"From the anchors alone this answer is {label}; {answers.label_loyalty:.0%} of all answers stay."
        )
