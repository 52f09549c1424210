"""What a panel showed of the prompt before a change: it stays, dimmed, until there is something of the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

if TYPE_CHECKING:
    from icldiag.prompt.schema import Prompt
    from icldiag.tui.state import State


class NothingYet(Exception):
    """Nothing of the changed prompt is there to be drawn, and what is drawn may stay."""

    def __init__(self, awaited: Text) -> None:
        super().__init__(awaited.plain)
        self.awaited = awaited


class Shown(NamedTuple):
    """What is drawn in a panel's body is of this."""

    prompt: Prompt
    beta: Any
    texts: tuple[str, ...]  # of the selected query

    def same(self, other: Shown | None) -> bool:
        if other is None or self.texts != other.texts:
            return False
        return self.prompt is other.prompt and self.beta is other.beta

    @staticmethod
    def of(state: State) -> Shown | None:
        if state.prompt is None:
            return None
        return Shown(state.prompt, state.beta, state.prompt.queries[state.query].texts)

    def is_before(self, state: State) -> bool:
        """Whether the prompt was changed since, and the same query is selected."""
        now = None if state.model_error is not None else Shown.of(state)
        if now is None or now.texts != self.texts:
            return False
        return not self.same(now)


def said(awaited: Text, style: str) -> Text:
    """The line above what stays."""
    stop = "" if awaited.plain.endswith(".") else "."
    return awaited.copy().append(stop).append(" Dimmed: of the prompt before the change.", style)
