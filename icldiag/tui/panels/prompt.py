"""Panel Prompt: the prompt as the model reads it."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.tokens import DETAILS, legend, plain_pieces, prompt_table, token_pieces
from icldiag.render.visible import visible
from icldiag.tui.panels.base import Line, Panel


class PromptPanel(Panel):
    """Demonstrations, label words and the target position; tokens on demand."""

    title = "Prompt"
    purpose = "Prompt: the prompt as the model reads it, with its demonstrations, label words and target position."
    needs_prediction = False

    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "tokens", "tokens")]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="length", classes="body finding")
        yield Line(id="legend", classes="body")
        yield Line(id="text", classes="body")
        yield Line(id="answer", classes="body")

    def on_mount(self) -> None:
        self.detail = DETAILS[0]

    def show(self) -> None:
        prompt, session, look, query = self.state.prompt, self.state.session, self.state.look, self.state.query
        if prompt is None:
            return
        self.query_one("#legend", Line).set(legend(look, session is not None))
        if session is None:
            self.query_one("#length", Line).set("The prompt as written; tokens and positions come with the model.")
            self.query_one("#text", Line).set(prompt_table(plain_pieces(prompt, query), look))
            self.query_one("#answer", Line).set("")
            return
        from icldiag.prompt.encode import query_tokens

        encoded = session.encoded
        own = query_tokens(encoded, session.model.tokenizer, query)
        self.query_one("#text", Line).set(prompt_table(token_pieces(encoded, own, query), look, self.detail))
        tokens = len(encoded.prefix) + len(encoded.queries[query].ids)
        window = f" of the context window's {session.model.context_window}" if session.model.context_window else ""
        finding = (
            f"{len(encoded.demonstrations)} demonstrations of {len(encoded.prefix)} tokens; with this query the prompt "
            f"has {tokens}{window}."
        )
        notes = "".join(f"\nNote: {visible(warning, look.ascii_only)}." for warning in encoded.warnings)
        self.query_one("#length", Line).set(Text(finding + notes))
        self.query_one("#answer", Line).set(self._answer())

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
