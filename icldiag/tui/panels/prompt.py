"""Panel Prompt: the prompt as the model reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.counting import counted
from icldiag.errors import PromptError
from icldiag.prompt.edit import drop, relabel, rename_word, swap
from icldiag.prompt.schema import Prompt
from icldiag.quoting import listed
from icldiag.render.tokens import DETAILS, legend, plain_pieces, prompt_table, token_pieces
from icldiag.tui.ask import AskScreen, Refused
from icldiag.tui.keys import choosing
from icldiag.tui.messages import EditUndone, PromptEdited
from icldiag.tui.panels.base import Finding, Line, Panel
from icldiag.tui.saving import save_as, write_present
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.generation.compute import Generation

_NOTES = 4  # of what `check` warns of, in the panel


class PromptPanel(Panel):
    """Demonstrations, label words and the target position; tokens on demand."""

    title, key, group = "Prompt", "8", "Diagnose"
    analysis = "prediction"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("detail",)
    purpose = "Prompt: the prompt as the model reads it, with its demonstrations, label words and target position."
    needs_prediction = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "tokens", "tokens"),
        *choosing("choose"),
        Binding("m", "swap", "swap with next"),
        Binding("d", "drop", "drop"),
        Binding("c", "relabel", "label"),
        Binding("l", "rename", "label word"),
        Binding("u", "undo", "undo"),
        Binding("w", "save", "save"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="length", classes="body finding")
        yield Line(id="legend", classes="body")
        yield Line(id="text", classes="body")
        yield Line(id="answer", classes="body gap")

    def on_mount(self) -> None:
        self.detail = DETAILS[0]
        self.marked = 0

    def idle(self) -> set[str]:
        shown = 0 if self.state.prompt is None else len(self.state.prompt.demonstrations)
        nothing = {"drop", "relabel", "rename", "mark(-1)", "mark(1)"} if not shown else set()
        swap = {"swap"} if shown < 2 else set()
        return super().idle() | nothing | swap | (set() if self.state.undo else {"undo"})

    def show(self) -> None:
        from icldiag.analyses.generation.section import differences, reading_of_query

        prompt, session, look, query = self.state.prompt, self.state.session, self.state.look, self.state.query
        if prompt is None:
            return
        self.marked = max(0, min(self.marked, len(prompt.demonstrations) - 1))
        self.query_one("#legend", Line).set(legend(look, session is not None))
        if session is None:
            self.query_one("#length", Line).set("The prompt as written; tokens and positions come with the model.")
            self.query_one("#text", Line).set(prompt_table(plain_pieces(prompt, query), look, marked=self.marked))
            self.query_one("#answer", Line).set("")
            return
        encoded = session.encoded
        own = session.query_tokens(query)
        self.query_one("#text", Line).set(
            prompt_table(token_pieces(encoded, own, query), look, self.detail, self.marked)
        )
        tokens = len(encoded.prefix) + len(encoded.queries[query].ids)
        window = f" of the context window's {session.facts.context_window}" if session.facts.context_window else ""
        length = (
            f"Before the query: {counted(len(encoded.demonstrations), 'demonstration')} of "
            f"{counted(len(encoded.prefix), 'token')}; with it {tokens}{window}."
        )
        calibration = self.prompt.calibration
        foreign = calibration and calibration.warning(session.facts.name)
        told = notes((*([foreign] if foreign else []), *encoded.warnings))
        written = self._written()
        first, rest = self._next_token(), length + told + self._not_written()
        if written is not None:
            mass = self.prediction.label_mass[query]
            first = f"{reading_of_query(written, query)} All label words together have {mass:.2f}."
            rest = " ".join([*differences(written), rest])
        said = [sentence for sentence in (first, rest) if sentence]
        self.query_one("#length", Line).set(self.two_sentences(*said))
        self.query_one("#answer", Line).set(self._answer())

    def _written(self) -> Generation | None:
        """What the model would write after all queries; not of a re-weighted one, which no other program runs."""
        from icldiag.analyses.generation.compute import Generate

        return None if self.state.prediction is None or self.state.beta_on else self.result(Generate())

    def _not_written(self) -> str:
        """Why that is not known."""
        from icldiag.analyses.generation.compute import Generate

        failure = self.state.failures.get(Generate())
        return "" if failure is None else f" What the model would write is not known: {failure}."

    def _next_token(self) -> str:
        """What the model would begin to write, and how much of that is a label word."""
        prediction, query = self.state.prediction, self.state.query
        if prediction is None or not prediction.top_tokens[query]:
            return ""
        top, mass = prediction.top_tokens[query][0], prediction.label_mass[query]
        return (
            f"After this query the model would begin with {top.text!r} ({top.probability:.2f}). All label words "
            f"together have {mass:.2f}."
        )

    def _answer(self) -> Table | Text:
        """The most probable next tokens at the target, and what the label words hold of the probability."""
        prediction, query, look = self.state.prediction, self.state.query, self.state.look
        if prediction is None:
            return Text("")
        table = Table.grid(padding=(0, 2))
        table.add_row("", Text("most probable next tokens", look.muted))
        for token in prediction.top_tokens[query]:
            table.add_row(f"{token.probability:.3f}", Text(visible(token.text, look.ascii_only)))
        table.add_row(f"{prediction.label_mass[query]:.3f}", Text("all label words together", look.muted))
        return table

    def action_tokens(self) -> None:
        self.detail = DETAILS[(DETAILS.index(self.detail) + 1) % len(DETAILS)]
        self.refresh_panel()

    # ---- changes in place -------------------------------------------------------------------------------------------

    def action_mark(self, step: int) -> None:
        if self.state.prompt is not None:
            self.marked = self.stepped(self.marked, step, 0, len(self.state.prompt.demonstrations) - 1)
            self.refresh_panel()

    def action_swap(self) -> None:
        prompt = self.state.prompt
        if prompt is not None and self.marked + 1 < len(prompt.demonstrations):
            self.marked += 1
            first = self.marked - 1
            self._edit(lambda prompt: swap(prompt, *_places(prompt, first, first + 1)))

    def action_drop(self) -> None:
        marked = self.marked
        if self._has_demonstrations():
            self._edit(lambda prompt: drop(prompt, *_places(prompt, marked)))

    def action_relabel(self) -> None:
        """One that the prompt does not have is refused while it is typed."""
        prompt, marked = self.state.prompt, self.marked
        if prompt is None or not self._has_demonstrations():
            return

        def relabelled(name: str, prompt: Prompt) -> Prompt:
            (place,) = _places(prompt, marked)
            return relabel(prompt, place, name)

        def take(name: str) -> Refused | None:
            try:
                relabelled(name, prompt)
            except PromptError as error:
                return Refused(f"{error}.")
            return None

        def taken(name: str | None) -> None:
            if name is not None:
                self._edit(partial(relabelled, name))

        (place,) = _places(prompt, marked)
        present = prompt.label_names[prompt.demonstrations[place].known_label]
        question = f"label of demonstration {place + 1}: {visible(listed(prompt.label_names))}"
        self.app.push_screen(AskScreen(question, present, "a label", take), taken)

    def action_rename(self) -> None:
        prompt = self.state.prompt
        if prompt is None or not self._has_demonstrations():
            return
        (marked,) = _places(prompt, self.marked)
        label = prompt.demonstrations[marked].label or 0
        old = prompt.labels[label]

        def renamed(word: str | None) -> None:
            if word is not None:
                self._edit(lambda prompt: rename_word(prompt, min(label, len(prompt.labels) - 1), word))

        self.app.push_screen(AskScreen(f"label word of {visible(old.name)}", old.word.strip(), "a word"), renamed)

    def _has_demonstrations(self) -> bool:
        """Whether a key about one means any; else it is said."""
        if self.state.prompt is not None and not self.state.prompt.demonstrations:
            self.notify("This prompt has no demonstrations to change.", markup=False)
            return False
        return True

    def action_undo(self) -> None:
        self.changed_here = True
        self.post_message(EditUndone())

    def action_save(self) -> None:
        """The prompt as it is now, by a name."""
        if self.state.prompt is not None:
            save_as(self, f"{self.state.path.stem}-edited.yaml", partial(write_present, self, self.state))

    def _edit(self, change: Callable[[Prompt], Prompt]) -> None:
        self.changed_here = True
        self.post_message(PromptEdited(change))


def _places(prompt: Prompt, *demonstrations: int) -> Sequence[int]:
    """Those of the demonstrations that a key meant, in a prompt that may have fewer by the time it is heard."""
    return [min(place, len(prompt.demonstrations) - 1) for place in demonstrations]


def notes(warnings: Sequence[str]) -> str:
    """The first of them: the prompt below is to be seen."""
    more = (
        f" There are {len(warnings) - _NOTES} more: icldiag check --model lists all." if len(warnings) > _NOTES else ""
    )
    return "".join(f" Note: {warning}." for warning in warnings[:_NOTES]) + more
