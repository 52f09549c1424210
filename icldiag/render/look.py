"""How things look: a style for every meaning, and the glyphs. Everything a style says, a sign says too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from icldiag.visible import visible


@dataclass(frozen=True)
class Look:
    """Styles (as rich writes them) and glyphs; the default suits a dark background."""

    wrong: str = "bold #ff7b72"
    right: str = "#7ee787"
    gold: str = "bold #e3b341"
    chosen: str = "bold #79c0ff"
    label_word: str = "bold #e3b341"
    forerunner: str = "bold #56d4dd"
    target: str = "bold #ff9bce"
    muted: str = "#8b949e"
    strong: str = "bold"
    selected: str = "bold on #0d3350"  # a row, as the list of queries has its own
    cursor: str = "bold reverse"
    # one hue, from "not confused" to "most confused"
    heat: tuple[str, ...] = (
        "#9aa7b5 on #161d27",
        "#b6c4d4 on #182a40",
        "#cfdcea on #1b3a5e",
        "#e6eef7 on #1f4c80",
        "#ffffff on #2562a6",
        "#06121f on #4d94dc",
        "bold #06121f on #84bfff",
    )
    ascii_only: bool = False

    @property
    def bar(self) -> str:
        return "#" if self.ascii_only else "█"

    @property
    def half_bar(self) -> str:
        return "" if self.ascii_only else "▌"

    @property
    def dots(self) -> str:
        return "..." if self.ascii_only else "…"

    def sentence(self, text: str) -> str:
        """A sentence of ours, users' text in it, as the terminal can show it."""
        shown = visible(text, self.ascii_only)
        return shown.replace("±", "+-") if self.ascii_only else shown

    def heat_of(self, strength: float) -> str:
        """The style of a cell: 0 is not confused, 1 is most confused; outside values are clipped."""
        last = len(self.heat) - 1
        return self.heat[round(min(1.0, max(0.0, strength)) * last)]

    def in_ascii(self) -> Look:
        return replace(self, ascii_only=True)


DARK = Look()
LIGHT = Look(
    wrong="bold #b3261e",
    right="#12692b",
    gold="bold #7a4f00",
    chosen="bold #0a52b0",
    label_word="bold #7a4f00",
    forerunner="bold #00646d",
    target="bold #a8206b",
    muted="#57606a",
    selected="bold on #bcd5ef",
    heat=(
        "#44546a on #f2f6fb",
        "#33465f on #dbe8f6",
        "#23384f on #bcd5ef",
        "#11253c on #97bde5",
        "#06182c on #7aa9e0",
        "#ffffff on #3268ab",
        "bold #ffffff on #123f7c",
    ),
)
# The terminal's own 16 colours, whatever its background is.
SIXTEEN = Look(
    wrong="bold red",
    right="green",
    gold="bold yellow",
    chosen="bold cyan",
    label_word="bold yellow",
    forerunner="bold cyan",
    target="bold magenta",
    muted="dim",
    selected="bold reverse",
    heat=("dim", "", "bold", "white on blue", "bold white on blue", "bold black on bright_blue"),
)
# No colours at all: signs, weight and reverse alone.
PLAIN = Look(
    wrong="bold",
    right="",
    gold="bold",
    chosen="bold",
    label_word="bold underline",
    forerunner="underline",
    target="bold underline",
    muted="dim",
    selected="bold",
    heat=("dim", "", "", "bold"),
)
