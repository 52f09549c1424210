"""Panel Labels: which labels' anchors look alike, beside how well the answers separate them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from icldiag.render.heatmap import Heatmap
from icldiag.render.visible import visible
from icldiag.tui.layers import LayerSlider
from icldiag.tui.matrix import Matrix
from icldiag.tui.panels.base import LAYER_KEYS, LayeredPanel, Line

if TYPE_CHECKING:
    from icldiag.analyses.confusion import Confusion
    from icldiag.analyses.prediction import Prediction

_VIEWS = ("distance", "cosine", "anchors")
_TITLES = {
    "distance": "anchor distance (small: confusable)",
    "cosine": "key cosine (large: confusable)",
    "anchors": "distance, anchor by anchor",
}


class ConfusionPanel(LayeredPanel):
    """The similarity matrix of the label anchors, the measured one, and what they mean for the selected query."""

    title = "Labels"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "view", "chosen")
    purpose = (
        "Labels: which labels the model confuses. The distance of the label words' keys, as the target position sees "
        "them, beside the measured separation of the classes (the paper's section 3.3)."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("v", "view", "distance / cosine / anchor by anchor"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="finding", classes="body finding")
        yield LayerSlider(id="slider", classes="body")
        yield Line(id="cell", classes="body")
        with Container(id="matrices", classes="body"):
            with Container(classes="matrix"):
                yield Line(id="predicted-title", classes="title")
                yield Matrix(id="predicted")
            with Container(classes="matrix"):
                yield Line(id="measured-title", classes="title")
                yield Matrix(id="measured")
        yield Line(id="notes", classes="body")

    def on_mount(self) -> None:
        self.view = "distance"
        self.chosen: tuple[int, int] | None = None  # None follows the query's own pair

    def show(self) -> None:
        from icldiag.analyses.confusion import default_layer, reading

        session, prediction = self.state.session, self.state.prediction
        assert session is not None  # a panel is shown only then
        assert prediction is not None
        layer = self.chosen_layer(default_layer(session.model.n_layers))
        key = ("confusion", layer)
        found: Confusion | None = self.result("confusion", key, lambda s, p: s.confusion(layer, p))
        finding = self.query_one("#finding", Line)
        if found is None:
            finding.set(self.trouble(key, "confusion"))
            return
        finding.set(Text(visible(reading(found, prediction, self.state.query))))
        self._show_matrices(found, prediction)
        self._show_notes(found)

    def _show_matrices(self, found: Confusion, prediction: Prediction) -> None:
        pair = self._pair(prediction)
        marked = frozenset({pair, pair[::-1]})
        cell = self.chosen or pair
        values = {"distance": found.distance, "cosine": found.cosine, "anchors": found.anchor_distance}[self.view]
        strength = _as_it_is if self.view == "cosine" else _reversed
        names, marked_left = found.labels, marked
        if self.view == "anchors":
            names = tuple(f"{number} {found.labels[of]}" for number, of in enumerate(found.anchors, start=1))
            pairs = product(enumerate(found.anchors), repeat=2)
            marked_left = frozenset((i, j) for (i, a), (j, b) in pairs if (a, b) in marked)
        look = self.state.look
        left, right = self.query_one("#predicted", Matrix), self.query_one("#measured", Matrix)
        left_cell = cell if max(cell) < len(names) else (0, 1)
        left.set(Heatmap(names, values.tolist(), strength, marked_left), look, left_cell)
        right.set(Heatmap(found.labels, found.auc.tolist(), lambda value: 2 - 2 * value, marked), look, cell)
        self.query_one("#predicted-title", Line).set(_TITLES[self.view])
        self.query_one("#measured-title", Line).set("measured separation, AUC")
        wide = max(left.get_content_width(self.size, self.size), 36) + right.get_content_width(self.size, self.size)
        self.query_one("#matrices").set_class(wide + 6 > self.size.width, "stacked")
        self._show_cell(found, cell)

    def _pair(self, prediction: Prediction) -> tuple[int, int]:
        """The query's (rival or gold, predicted) pair."""
        query = self.state.query
        predicted, gold = int(prediction.predicted[query]), prediction.gold[query]
        if gold is not None and gold != predicted:
            return gold, predicted
        order = np.argsort(-prediction.probabilities[query], kind="stable")
        return int(order[1]), predicted

    def _show_cell(self, found: Confusion, cell: tuple[int, int]) -> None:
        a, b = cell
        if self.view == "anchors" and self.query_one("#predicted").has_focus:
            first, second = found.labels[found.anchors[a]], found.labels[found.anchors[b]]
            text = f"demonstration {a + 1} ({first}) and {b + 1} ({second}): {found.anchor_distance[a, b]:.3f}"
        elif a == b:
            text = f"{found.labels[a]}: a label with itself"
        else:
            pair = found.pair(a, b)
            rank = found.distance_rank(pair)
            place = f", {rank} of {found.distances} pairs from the closest" if rank else ""
            text = (
                f"{found.labels[a]} and {found.labels[b]}: distance {_exact(pair.distance)}{place}, "
                f"cosine {_exact(pair.cosine)}, AUC {_exact(pair.auc)}, {pair.errors} errors"
            )
        self.query_one("#cell", Line).set(Text(visible(text), style="bold"))

    def _show_notes(self, found: Confusion) -> None:
        lines = []
        if found.spearman is not None:
            lines.append(
                f"Does the one predict the other? Spearman {found.spearman:.2f} over {found.spearman_pairs} pairs."
            )
        lines.append(
            f"Query vectors: {found.target_vectors} targets + {found.forerunner_vectors} forerunners, "
            f"{found.directions} principal directions."
        )
        lines += [f"Missing: {visible(text)}." for text in found.missing]
        self.query_one("#notes", Line).set(Text("\n".join(lines), style=self.state.look.muted))

    def on_matrix_cell_chosen(self, message: Matrix.CellChosen) -> None:
        self.chosen = message.cell
        for matrix in self.query(Matrix):
            if matrix is not message.matrix and self.view != "anchors":
                matrix.cell = message.cell
                matrix.refresh()
        found = self.state.results.get(("confusion", self.at_layer))
        if found is not None:
            self._show_cell(found, self.chosen)

    def action_view(self) -> None:
        self.view = _VIEWS[(_VIEWS.index(self.view) + 1) % len(_VIEWS)]
        self.chosen = None
        self.refresh_panel()

    def query_changed(self) -> None:
        """The cursor returns to the new query's pair."""
        self.chosen = None


def _as_it_is(value: float) -> float:
    return value


def _reversed(value: float) -> float:
    return 1 - value


def _exact(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
