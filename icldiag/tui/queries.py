"""The queries at the left, sorted and filtered, and the selected query's label probabilities."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from icldiag.prompt.schema import Prompt
from icldiag.render.bars import probability_bars
from icldiag.render.fit import cut_middle
from icldiag.render.queries import query_lines
from icldiag.tui.comparison import Turned, baseline, turned
from icldiag.tui.keys import with_ids
from icldiag.tui.messages import QueryChosen
from icldiag.tui.panels.base import Line
from icldiag.tui.query_order import SORTS, Group, cell_filter, groups, next_sort, note
from icldiag.tui.state import State
from icldiag.visible import visible

_BARS = 10  # labels shown under the list; the gold one is always among them
_SIGNS = {"+": "right now", "-": "wrong now", "~": "changed"}


class QueryList(OptionList):
    """One option of two lines per query; the vim keys move as the arrows do."""

    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "queries",
        [
            Binding("j", "cursor_down", "next query", show=False),
            Binding("k", "cursor_up", "previous query", show=False),
            Binding("g", "first", "first query", show=False),
            Binding("G", "last", "last query", show=False),
        ],
    )


class Filter(Input):
    """Has no focus while it is not shown: Textual would give it the first keys."""

    def allow_focus(self) -> bool:
        return self.display and super().allow_focus()


class Queries(Vertical):
    """List, filter and probabilities. Posts `QueryChosen`."""

    def __init__(self, state: State, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.state = state
        self.order: list[int] = []  # queries as listed
        self.sort = next(iter(SORTS))
        self.chosen = -1  # the query whose option has the sign of the chosen one
        self.filled_at = 0  # the width that the texts were cut to
        self.turned: dict[int, Turned] = {}  # by what was changed or put in force

    def compose(self) -> ComposeResult:
        yield Line(id="queries-title", classes="title")
        box = Filter(placeholder="filter: text, label, id, #12", id="filter", select_on_focus=False, compact=True)
        box.display = False
        box.cursor_blink = False
        yield box
        yield QueryList(id="list", markup=False, compact=True)
        yield Line(id="query-text", classes="title")
        yield Line(id="bars")

    def on_resize(self) -> None:
        """The texts are cut to the width."""
        if self.size.width != self.filled_at:
            self.fill()

    def fill(self) -> None:
        """List the queries that pass the filter, and keep the selected one selected if it is among them."""
        prompt, prediction = self.state.prompt, self.state.prediction
        if prompt is None:
            return
        self.turned = turned(self.state)
        words = self.query_one(Input).value
        found = groups(prompt, prediction, self.sort, words, self.state.marked, self.turned)
        if prediction is None:  # the answers that are there first
            found = [Group("", sorted(found[0].queries, key=self._stage))]
        self.order = [query for group in found for query in group.queries]
        self.filled_at = self.size.width
        self.chosen = self.state.query
        options = []
        for group in found:
            if group.head:
                options.append(Option(self._head(group.head), disabled=True))
            options += [Option(self._option(prompt, query), id=str(query)) for query in group.queries]
        if not self.order:
            options = [Option(Text("   no query matches\n   escape lists all", self.state.look.muted), disabled=True)]
        listing = self.query_one(QueryList)
        with self.app.batch_update(), listing.prevent(OptionList.OptionHighlighted):
            listing.set_options(options)
            if self.state.query in self.order:
                listing.highlighted = listing.get_option_index(str(self.state.query))
        self.call_after_refresh(listing.scroll_to_highlight)  # the bars under the list come and go with the answers
        self._show_title(prompt)
        self.show_query()

    def _show_title(self, prompt: Prompt) -> None:
        """How many are listed, how many of those are wrong, and how many are marked, listed or not."""
        prediction = self.state.prediction
        listed = "" if len(self.order) == len(prompt.queries) else f"{len(self.order)} of "
        title = f"Queries  {listed}{len(prompt.queries)}"
        if prediction is not None:
            wrong = sum(prediction.is_wrong(query) for query in self.order)
            title += f", {wrong} wrong" if prediction.labelled else ", no gold labels"
            title += self._turned_counts()
            title += f", {len(self.state.marked)} marked" if self.state.marked else ""
            title += f"{SORTS[self.sort]}{self._signs()}"
        elif self.state.first_answers:
            title += f", {sum(map(len, (first.queries for first in self.state.first_answers)))} answered"
        self.query_one("#queries-title", Line).set(title)

    def _turned_counts(self) -> str:
        """Of the listed queries, how many are right by what was changed or put in force, and how many wrong."""
        signs = [one.sign for query, one in self.turned.items() if query in self.order]
        return f", +{signs.count('+')} -{signs.count('-')}" if signs else ""

    def _signs(self) -> str:
        """What the signs before changed answers mean, those that are listed, and where the answers were others."""
        listed = {one.sign for query, one in self.turned.items() if query in self.order}
        against = baseline(self.state)
        if not listed or against is None:
            return ""
        told = [f"{sign} {means}" for sign, means in _SIGNS.items() if sign in listed]
        return f"\n{'  '.join(told)}\nwas: {visible(against.name, self.state.look.ascii_only)}"

    def show_query(self) -> None:
        """The selected query's text and probabilities."""
        prompt, query = self.state.prompt, self.state.query
        if prompt is None:
            return
        look = self.state.look
        asked = prompt.queries[query]
        line = Text(visible(asked.text, look.ascii_only) or "(empty)")
        if asked.id is not None:
            line = Text.assemble((f"{visible(asked.id, look.ascii_only)}  ", look.muted), line)
        self.query_one("#query-text", Line).set(line)
        self._mark_chosen()
        bars = Text("")
        answer = self.state.answer_to(query)
        if answer is not None:
            prediction, row = answer
            predicted, gold = int(prediction.predicted[row]), prediction.gold[row]
            chances = prediction.probabilities[row].tolist()
            width = max(20, self.size.width - 3)
            bars = probability_bars(prediction.labels, chances, predicted, gold, look, width, height=_BARS)
        self.query_one("#bars", Line).set(bars)

    def _mark_chosen(self) -> None:
        """The sign moves from the query that was chosen to the one that is."""
        old, self.chosen = self.chosen, self.state.query
        listing, prompt = self.query_one(QueryList), self.state.prompt
        if prompt is None or old == self.chosen:
            return
        for query in {old, self.chosen}.intersection(self.order):
            listing.replace_option_prompt(str(query), self._option(prompt, query))

    @property
    def under_cursor(self) -> int | None:
        """The query where the list's cursor is."""
        option = self.query_one(QueryList).highlighted_option
        return None if option is None or option.id is None else int(option.id)

    def select(self, query: int) -> None:
        """Move the list's cursor to a query; its message selects it in the app."""
        if query in self.order:
            listing = self.query_one(QueryList)
            listing.highlighted = listing.get_option_index(str(query))

    def step_wrong(self, step: int) -> bool:
        """Select the next or previous wrong query of the list; False where there is none."""
        prediction = self.state.prediction
        wrong = [query for query in self.order if prediction is not None and prediction.is_wrong(query)]
        if not wrong:
            return False
        here = self.order.index(self.state.query) if self.state.query in self.order else -1
        places = [self.order.index(query) for query in wrong]
        after = [place for place in places if place > here] if step > 0 else [p for p in places if p < here][::-1]
        place = after[0] if after else (places[0] if step > 0 else places[-1])
        self.select(self.order[place])
        return True

    def _stage(self, query: int) -> int:
        """While the answers come: 0 wrong, 1 answered, 2 not yet."""
        answer = self.state.answer_to(query)
        return 2 if answer is None else 0 if answer[0].is_wrong(answer[1]) else 1

    def mark(self) -> None:
        """Mark the selected query, or no longer."""
        prompt, query = self.state.prompt, self.state.query
        if prompt is None:
            return
        self.state.marked ^= {query}
        if query in self.order:
            self.query_one(QueryList).replace_option_prompt(str(query), self._option(prompt, query))
        self._show_title(prompt)

    def mark_listed(self) -> None:
        """Mark all that are listed; where they are, none of them any longer."""
        listed = frozenset(self.order)
        self.state.marked = self.state.marked - listed if listed <= self.state.marked else self.state.marked | listed
        self.fill()

    def sort_next(self) -> None:
        """By something else; the selected query stays selected."""
        none = {"marked": not self.state.marked, "changed": not self.turned}
        self.sort = next_sort(self.sort)
        while none.get(self.sort):
            self.sort = next_sort(self.sort)
        self.fill()

    def show_only(self, cell: tuple[int, int] | None) -> None:
        """The queries of a gold label and an answer, or (None) all; the first is selected if none of them is."""
        prompt, box = self.state.prompt, self.query_one(Input)
        if prompt is None:
            return
        with box.prevent(Input.Changed):
            box.value = "" if cell is None else cell_filter(prompt.label_names, *cell)
        box.display = cell is not None
        self.fill()
        self._select_listed()

    def _select_listed(self) -> None:
        if self.order and self.state.query not in self.order:
            self.select(self.order[0])

    def _head(self, text: str) -> Text:
        look = self.state.look
        return Text(cut_middle(text, max(20, self.size.width - 2), look.dots), look.strong, no_wrap=True)

    def _option(self, prompt: Prompt, query: int) -> Text:
        answer, example = self.state.answer_to(query), prompt.queries[query]
        gold = None if example.label is None else prompt.label_names[example.label]
        predicted = None if answer is None else answer[0].labels[answer[0].predicted[answer[1]]]
        width = max(20, self.size.width - 4)
        prediction, turn = self.state.prediction, self.turned.get(query)
        lines = query_lines(
            query + 1,
            example.text,
            predicted,
            gold,
            chosen=query == self.chosen,
            width=width,
            look=self.state.look,
            was=None if turn is None else turn.was,
            sign="~" if turn is None else turn.sign,
            note="" if prediction is None else note(prediction, query, self.sort),
            marked=query in self.state.marked,
        )
        return Text("\n", no_wrap=True).join(lines)

    def open_filter(self) -> None:
        box = self.query_one(Input)
        box.display = True
        self.screen.set_focus(box)  # at once: keys typed ahead are for it
        box.action_select_all()  # not when it hears of the focus, which may be behind the first characters

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        self.fill()
        self._select_listed()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.fill()  # the last characters may not have been heard of
        self._select_listed()
        self.screen.set_focus(self.query_one(QueryList))  # at once, as above

    def on_key(self, event: Any) -> None:
        box, listing = self.query_one(Input), self.query_one(QueryList)
        if box.has_focus and event.key in ("up", "down"):  # among what the line lists so far
            event.stop()
            listing.action_cursor_up() if event.key == "up" else listing.action_cursor_down()
        if event.key == "escape" and (box.has_focus or box.value):
            event.stop()
            box.value = ""
            box.display = False
            self.screen.set_focus(listing)

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        message.stop()
        if message.option is self.query_one(QueryList).highlighted_option and message.option.id is not None:
            self.post_message(QueryChosen(int(message.option.id)))
