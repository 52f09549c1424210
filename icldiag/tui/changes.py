"""Changes of the prompt that can be taken back, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.analyses.search.repairs import Repairs
    from icldiag.prompt.schema import Prompt


class Before(NamedTuple):
    """What a change was made of, and undo brings back. `query` is None where a resumed session no longer knows it."""

    prompt: Prompt
    query: int | None = None
    beta: Any = None


@dataclass(frozen=True)
class Applied:
    """A repair that a panel's key applied, and the same key takes off."""

    name: str
    before: Before
    prompt: Prompt  # as it is with the repair
    beta: Any  # that is on with it
    prediction: Prediction | None  # without it
    trial: str = ""  # what was known of its effect on other texts when it was applied
    tried: Repairs | None = None  # the table it was chosen from, which compares with the prompt without it
    searched: int | None = None  # the query that this was searched for
    awaited: bool = False  # of a resumed session: its beta is to be found on disk

    def made(self, before: Before, after: Before) -> bool:
        """Whether it led from the one prompt to the other."""
        return self.prompt == after.prompt and self.beta is after.beta and self.before.prompt == before.prompt


class WithoutRepair(NamedTuple):
    """What is on disk of the prompt without the repair that is on: see `Applied`."""

    prediction: Prediction | None = None
    tried: Repairs | None = None
    beta: Any = None  # that is on with it, where it was awaited


@dataclass(frozen=True)
class Interventions:
    """What key 0 took off. `beta` is one that was trained in the app; a file's comes back with its prompt."""

    before: Prompt
    after: Prompt
    beta: Any
    cut_layers: frozenset[int]
    cut_heads: tuple[tuple[int, int], ...]


class Narrowed(NamedTuple):
    """The prompt with all queries, the one with the marked ones alone, and which they are."""

    before: Prompt
    prompt: Prompt
    marked: frozenset[int]


def asked_since(undo: Sequence[Before], prompt: Prompt | None) -> int:
    """How many of the latest changes did no more than ask another query."""
    count, later = 0, prompt
    for before in reversed(undo):
        there = before.prompt.queries
        if later is None or len(later.queries) <= len(there) or later.queries[: len(there)] != there:
            break
        if later != before.prompt.with_queries(later.queries):
            break
        count, later = count + 1, before.prompt
    return count


def asked_first(undo: Sequence[Before], prompt: Prompt) -> list[Before]:
    """The changes as if the queries that came last had been asked before the change that they came after."""
    asked = asked_since(undo, prompt)
    if asked in (0, len(undo)):
        return list(undo)
    kept, before = list(undo[:-asked]), undo[-asked - 1]
    there = before.prompt.queries
    later = [*(one.prompt for one in undo[len(undo) - asked + 1 :]), prompt]
    added = [before.prompt.with_queries(there + one.queries[len(there) :]) for one in later]
    return [*kept, *(before._replace(prompt=one) for one in added)]
