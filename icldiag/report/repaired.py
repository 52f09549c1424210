"""A repair that is on in the prompt of a report: what was known of it when it was applied, to the prompt without it."""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.repairs import Repairs
from icldiag.counting import counted

NOT_YET = "not computed yet with the repair that is on"
COMPARED = "Compared with the prompt without the repair that is on."
WITHOUT = "Without the repair that is on:"
CAUSES = ("overview", "explanation")  # sections that say what a repair was to mend


@dataclass(frozen=True)
class Repaired:
    """`effect` is what it did, in sentences; `tried` the table that it was chosen from, where that is reported."""

    name: str  # a phrase; holds texts of the user
    effect: str = ""
    tried: Repairs | None = None
    earlier: tuple[str, ...] = ()  # names of those that were applied before it, the first one first
    others: int = 0  # changes since the file that no repair made

    @property
    def facts(self) -> tuple[str, ...]:
        """About the prompt."""
        names = "; ".join(self.earlier)
        compared = "What is told without the repair that is on is told of the prompt that it was applied to."
        return (
            self._told,
            *([f"applied before it: {names}. {compared}"] if names else []),
            *([f"other changes since the file: {counted(self.others, 'edit')}"] if self.others else []),
        )

    @property
    def _told(self) -> str:
        table = " The table of repairs compares with the prompt without it." if self.tried is not None else ""
        return f"repair that is on: {self.name}. {self.effect or 'What it does to other texts was not tried.'}{table}"
