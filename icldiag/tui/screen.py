"""What the desk needs of who shows its state: five methods, of the app or of a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from icldiag.prompt.schema import Prompt

Part = Literal["all", "top", "panel", "progress", "pinned"]
Severity = Literal["information", "warning", "error"]


@dataclass(frozen=True)
class Choices:
    """What the user chose to look at."""

    panel: str
    views: Mapping[str, Mapping[str, Any]]  # chosen layer and the like, by panel
    filter: str = ""


class Screen(Protocol):
    """Who shows the desk's state."""

    def show(self, part: Part) -> None:
        """Draw what changed: everything, the line at the top, the panel, what it waits for, the pinned state."""

    def tell(
        self, text: str, title: str = "", severity: Severity = "information", seconds: float | None = None
    ) -> None:
        """A notice, from any thread; the text is free of control characters."""

    def refused(self, prompt: Prompt | None) -> None:
        """The model cannot take this prompt, and the one before is shown again."""

    def choices(self) -> Choices | None:
        """None before the first paint and after the last."""

    def choose(self, choices: Choices) -> None:
        """Show what was chosen in an earlier session."""
