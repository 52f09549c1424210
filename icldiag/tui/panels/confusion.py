"""Panel Labels: which labels' anchors look alike, beside how well the scores separate them."""

from __future__ import annotations

import textwrap
from itertools import product
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from icldiag.counting import counted
from icldiag.model.anchors import KEYS, Keys
from icldiag.render.fit import cut_end
from icldiag.render.heatmap import CELL, MARK, Cell, Heatmap
from icldiag.render.pairs import demonstration_lines, exact, pair_line
from icldiag.tui.layers import LayerSlider
from icldiag.tui.matrix import Matrix
from icldiag.tui.panels.base import Finding, Line, there
from icldiag.tui.panels.layered import LAYER_KEYS, LayeredPanel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.confusion.compute import Confusion
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.model.readout import FloatArray

_TITLES = {
    "distance": "anchor distance (small: alike)",
    "measured": "measured AUC (small: mixed up)",
    "cosine": "cosine of keys (large: alike)",
    "anchors": "distance of demonstrations",
}
_GAP = 2  # between two matrices
_LEAST_ROWS = 4  # of a matrix, its head among them; what is below is scrolled to
_LEAST_HEADS = (8, CELL - 1)  # cells for the row heads of the left and of the right matrix


class ConfusionPanel(LayeredPanel):
    """The similarity matrix of the label anchors, the measured one, and what they mean for the selected query."""

    title, key, group = "Labels", "2", "Diagnose"
    analysis = "confusion"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("at_layer", "anchor_keys", "view", "chosen", "together")
    anchor_keys: Keys = KEYS
    purpose = (
        "Labels: which labels the model confuses. The distance of the label words' keys, as the target position sees "
        "them, beside the measured separation of the classes (the paper's section 3.3)."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        *LAYER_KEYS,
        Binding("left", "cell(0, -1)", "move left", key_display="arrows"),
        Binding("right", "cell(0, 1)", "move right", key_display="arrows"),
        Binding("up", "cell(-1, 0)", "move up", key_display="arrows"),
        Binding("down", "cell(1, 0)", "move down", key_display="arrows"),
        Binding("m", "pair(1)", "next pair"),
        Binding("M", "pair(-1)", "previous pair"),
        Binding("c", "together", "cluster"),
        Binding("v", "view", "other matrix"),
        Binding("w", "keys", "positions"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield LayerSlider(id="slider", classes="body")
        yield Line(id="shown", classes="body")
        with Container(id="matrices", classes="body"):
            with Container(classes="matrix left"):
                yield Line(id="predicted-title", classes="title")
                yield Matrix(id="predicted")
            with Container(classes="matrix"):
                yield Line(id="measured-title", classes="title")
                yield Matrix(id="measured")
        yield Line(id="cell", classes="body")
        yield Line(id="demonstrations", classes="body")
        yield Line(id="notes", classes="body")

    def on_mount(self) -> None:
        self.view: str | None = None  # None until it is known how many labels there are
        self.together = False
        self.chosen: Cell | None = None  # None follows the query's own pair
        self.shown_layer: int | None = None  # None until it is known which one is by itself
        self.both = True  # there is room for the measured separation beside or under the other matrix

    def show(self) -> None:
        from icldiag.analyses.confusion.compute import Confuse
        from icldiag.analyses.confusion.reading import in_short
        from icldiag.analyses.confusion.reading import reading_of_query as reading

        prediction = self.prediction
        layers = self.session.facts.n_layers
        self.at_layer = None if self.at_layer is None else min(self.at_layer, layers - 1)
        request = Confuse(self.at_layer, self.anchor_keys)
        found = self.result(request)
        self.shown_layer = found.layer if found is not None else self.at_layer
        if self.shown_layer is not None:
            self.query_one(LayerSlider).set(layers, self.shown_layer, self.state.look)
        finding = self.query_one("#finding", Line)
        if found is None:
            finding.set(self.trouble(request))
            return
        text = visible(reading(found, prediction, self.state.query), self.state.look.ascii_only)
        finding.set(Text(text))
        self.query_one("#shown", Line).set(Text(in_short(found, self.together), self.state.look.muted))
        if self.view is None:
            self.view = "distance" if found.distances > 1 else "cosine"  # two labels have one distance, always 1
        self._show_notes(found)
        self._show_matrices(found, prediction, len(textwrap.wrap(text, max(20, self.room.width))))

    # ---- the matrices -----------------------------------------------------------------------------------------------

    def _show_matrices(self, found: Confusion, prediction: Prediction, finding_lines: int) -> None:
        pair = self._pair(prediction)
        marked = frozenset({pair, pair[::-1]})
        of_view, of_labels = self._cells(found, pair)
        left, right = self.query_one("#predicted", Matrix), self.query_one("#measured", Matrix)
        heatmap = self._left_heatmap(found, marked)
        look = self.state.look
        left.set(
            heatmap, look, of_view, self._order(found.anchor_distance if self.view == "anchors" else found.distance)
        )
        measured = Heatmap(found.labels, found.auc.tolist(), lambda value: 2 - 2 * value, marked)
        right.set(measured, look, of_labels, self._order(found.distance))
        pair_lines = self._show_pair(found, of_view, of_labels)
        self._fit(left, right, finding_lines + pair_lines + 5)  # and layers, what is shown of them, titles, blanks

    def _left_heatmap(self, found: Confusion, marked: frozenset[Cell]) -> Heatmap:
        if self.view == "cosine":
            return Heatmap(found.labels, found.cosine.tolist(), lambda value: value, marked)
        if self.view != "anchors":
            return Heatmap(found.labels, found.distance.tolist(), lambda value: 1 - value, marked)
        names = tuple(f"{number} {found.labels[of]}" for number, of in enumerate(found.anchors, start=1))
        pairs = product(enumerate(found.anchors), repeat=2)
        cells = frozenset((i, j) for (i, a), (j, b) in pairs if (a, b) in marked)
        return Heatmap(names, found.anchor_distance.tolist(), lambda value: 1 - value, cells)

    def _order(self, distance: FloatArray) -> tuple[int, ...] | None:
        if not self.together:
            return None
        from icldiag.analyses.clusters import alike_together

        return alike_together(distance)

    def _fit(self, left: Matrix, right: Matrix, above: int) -> None:
        """Both matrices beside or under each other where there is room, else the one that the view names."""
        width, rows = self.room.width, max(_LEAST_ROWS, self.room.height - above)
        spare = width - _GAP - left.cells_width - right.cells_width
        beside = spare >= sum(_LEAST_HEADS)
        under = left.natural_height + right.natural_height + 2
        if left.widest + right.widest + _GAP > width:  # names are cut, so not where all is in view otherwise
            beside = beside and under + self.rows_of(self.query("#demonstrations, #notes")) > rows
        stacked = not beside and under <= rows
        self.both = beside or stacked
        heads = max(_LEAST_HEADS[0], spare - _LEAST_HEADS[1]) if beside else width // 3
        left.fit(heads, rows)
        right.fit(spare - left.head_width if beside else width // 3, rows)
        used = (left.width + right.width + _GAP,) * 2 if beside else (left.width, right.width)
        for matrix, taken in zip((left, right), used, strict=True):
            matrix.widen((width - taken) // (2 if beside else 1))
        self.query_one("#matrices").set_class(stacked, "stacked")
        shown = (self.both or self.view != "measured", self.both or self.view == "measured")
        titles = [_TITLES["distance" if self.view == "measured" else str(self.view)], _TITLES["measured"]]
        titles = [
            title + ("" if matrix.natural_height <= rows else f"   {matrix.natural_height - 1} rows")
            for title, matrix in zip(titles, (left, right), strict=True)
        ]
        half = width // 2 - _GAP
        rooms = (
            [max(left.width, half), min(max(right.width, half), width - _GAP - left.width)] if beside else [width] * 2
        )
        dots = self.state.look.dots
        for matrix, title, room, is_shown in zip((left, right), titles, rooms, shown, strict=True):
            there(matrix.parent).display = is_shown
            self.query_one(f"#{matrix.id}-title", Line).set(cut_end(title, room, dots))

    def _pair(self, prediction: Prediction) -> Cell:
        """The query's (rival or gold, predicted) pair."""
        query = self.state.query
        return prediction.rival(query), int(prediction.predicted[query])

    def _cells(self, found: Confusion, pair: Cell) -> tuple[Cell, Cell]:
        """Where the cursor is: in the left matrix, and as a pair of labels."""
        count = len(found.anchors if self.view == "anchors" else found.labels)
        if self.chosen is not None and max(self.chosen) >= count:
            self.chosen = None  # of a prompt that had more of them
        if self.view != "anchors":
            return (self.chosen or pair,) * 2
        if self.chosen is not None:
            return self.chosen, (found.anchors[self.chosen[0]], found.anchors[self.chosen[1]])
        first, second = (found.anchors.index(of) if of in found.anchors else 0 for of in pair)
        return (first, second), pair

    def _show_pair(self, found: Confusion, of_view: Cell, of_labels: Cell) -> int:
        """The exact numbers under the cursor, in so many lines, and the demonstrations of the two labels."""
        prompt, look, width = self.prompt, self.state.look, max(20, self.room.width)
        texts = [example.text for example in prompt.demonstrations]
        a, b = of_labels
        if self.view == "anchors":
            i, j = of_view
            text = f"demonstrations {i + 1} and {j + 1}: distance {exact(float(found.anchor_distance[i, j]))}"
            shown = [(f"{at + 1} {found.labels[found.anchors[at]]}", [texts[at]]) for at in dict.fromkeys(of_view)]
        else:
            text = (
                f"{found.labels[a]}: a label with itself"
                if a == b
                else pair_line(found, found.pair(a, b), with_cosine=self.view == "cosine")
            )
            of = {
                label: [text for text, owner in zip(texts, found.anchors, strict=True) if owner == label]
                for label in (a, b)
            }
            shown = [(found.labels[label], of[label]) for label in of]
        if {a, b} == set(self._pair(self.prediction)):
            text = f"{MARK} {text}"  # the key to the mark in the matrices
        self.query_one("#cell", Line).set(Text(visible(text, look.ascii_only), look.strong))
        self.query_one("#demonstrations", Line).set(demonstration_lines(shown, look, width))
        return len(textwrap.wrap(text, width))

    def _show_notes(self, found: Confusion) -> None:
        from icldiag.analyses.confusion.reading import about_keys, about_layer, about_test

        lines = [about_test(found.mantel), about_layer(found), about_keys(found)]
        lines.append(
            f"Query vectors: of {counted(found.target_vectors, 'target')} and "
            f"{counted(found.forerunner_vectors, 'forerunner')}, compared along "
            f"{counted(found.directions, 'principal direction')}."
        )
        room = 2 * max(20, self.room.width)  # 150 labels without a query would fill the screen
        dots = self.state.look.dots
        lines += [
            f"Missing: {cut_end(visible(text, self.state.look.ascii_only), room, dots)}." for text in found.missing
        ]
        self.query_one("#notes", Line).set(Text("\n".join(filter(None, lines)), style=self.state.look.muted))

    def action_layer(self, step: int) -> None:
        """From the layer that is shown, where none was chosen."""
        self.at_layer = self.shown_layer
        super().action_layer(step)

    # ---- the cursor -------------------------------------------------------------------------------------------------

    @property
    def _front(self) -> Matrix:
        """The matrix that keys of the panel move in: the one with the focus, else the one that is shown first."""
        for matrix in self.query(Matrix):
            if matrix.has_focus:
                return matrix
        return self.query_one("#measured" if self.view == "measured" and not self.both else "#predicted", Matrix)

    def on_matrix_cell_chosen(self, message: Matrix.CellChosen) -> None:
        from icldiag.analyses.confusion.compute import Confuse

        found = self.peek(Confuse(self.at_layer, self.anchor_keys))
        if found is None or (self.view == "anchors" and message.matrix.id == "measured"):
            return
        self.chosen = message.cell
        of_view, of_labels = self._cells(found, message.cell)
        self.query_one("#predicted", Matrix).put(of_view)
        self.query_one("#measured", Matrix).put(of_labels)
        self._show_pair(found, of_view, of_labels)

    def action_cell(self, rows: int, columns: int) -> None:
        front = self._front
        front.focus()  # or the next arrow up or down would choose another query
        front.action_move(rows, columns)

    def action_pair(self, step: int) -> None:
        self._front.step_strongest(step, afresh=self.chosen is None)

    def action_together(self) -> None:
        """Order the labels so that like ones stand together, and show the most confusable of them."""
        self.together = not self.together
        self.refresh_panel()
        pairs = self._front.heatmap.strongest_pairs if self._front.heatmap else []
        if self.together and pairs:
            self._front.choose(pairs[0])
        self._front.centre()

    def action_keys(self) -> None:
        """Keys as the target attends to them, or without the positions that rotary embeddings give them."""
        self.anchor_keys = "position_free" if self.anchor_keys == "as_attended" else "as_attended"
        self.refresh_panel()

    def action_view(self) -> None:
        if self.view is None:
            return
        views = [view for view in _TITLES if view != "measured" or not self.both]
        here = views.index(self.view) if self.view in views else -1
        if "anchors" in (self.view, views[(here + 1) % len(views)]):
            self.chosen = None  # a cell of demonstrations is none of labels
        self.view = views[(here + 1) % len(views)]
        self.refresh_panel()

    def query_changed(self) -> None:
        """The cursor returns to the new query's pair."""
        self.chosen = None
