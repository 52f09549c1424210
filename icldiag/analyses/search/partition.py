"""The labelled examples in parts and folds, so that no repair is judged by what it was made from or chosen by.

- fitting: what a change may be made from (a demonstration to put in, a training set, label words);
- selection: what the candidates are ranked by;
- others: further labelled texts, the prompt's labelled queries among them, which take no part in either.

Fitting and selection part together are cut in folds. Of many candidates tried on the same examples the best one is
lucky too, so its gain on the selection part promises too much; so all is done again without each fold, and each fold
is answered by what was fitted and chosen without it (see `trials`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icldiag.errors import AnalysisError
from icldiag.model.readout import IntArray
from icldiag.prompt.schema import Example, Prompt

FEWEST = 8  # labelled examples in all, below which nothing can be told
ENOUGH = 24  # with fewer in `examples`, the other labelled queries are used too
FITTING_PER_CLASS = 16
HELD_OUT = 200  # at most so many of the examples in the selection part, and as many more in `others`
FOLDS = 10


@dataclass(frozen=True)
class Partition:
    """No text is in two parts, nor among the demonstrations."""

    fitting: tuple[Example, ...]
    unlabelled: tuple[Example, ...]  # further texts of the task, their labels unknown; may be fitted on
    selection: tuple[Example, ...]
    others: tuple[Example, ...]
    with_queries: bool  # whether queries of the prompt are among the first two, too

    @property
    def folded(self) -> tuple[Example, ...]:
        """What is cut in folds."""
        return (*self.fitting, *self.selection)

    @property
    def confirmation(self) -> tuple[Example, ...]:
        """All that a choice is confirmed on."""
        return (*self.folded, *self.others)

    @property
    def folds(self) -> IntArray:
        """(n,) the fold, from 0, of each text of `folded`; each class is spread over all folds, as evenly as it can."""
        by_class = np.argsort([-1 if one.label is None else one.label for one in self.folded], kind="stable")
        found = np.empty(len(by_class), dtype=np.int64)
        found[by_class] = np.arange(len(by_class)) % FOLDS
        return found


def make_parts(prompt: Prompt, query: int | None = None, seed: int = 0) -> Partition:
    """Cut the prompt's `examples` class by class: a quarter to fit on, the rest to select by.

    The labelled queries, but for `query`, the one to be mended, are among the others; where the examples are few they
    are cut with them instead.

    Raises:
        AnalysisError: fewer than 8 labelled examples.
    """
    if why := lack(prompt, query):
        raise AnalysisError(why)
    taken = {example.text for example in prompt.demonstrations}
    queries = [example for index, example in enumerate(prompt.queries) if index != query]
    mended = set() if query is None else {prompt.queries[query].text}
    asked = _distinct(queries, taken | mended)
    pool = _distinct(prompt.examples, taken | mended | {example.text for example in asked})
    with_queries = _too_few(pool)
    if with_queries:
        pool, asked = pool + asked, []
    labelled = [example for example in pool if example.label is not None]
    fitting, rest = _cut(labelled, len(prompt.labels), seed)
    others = [*rest[HELD_OUT : 2 * HELD_OUT], *(example for example in asked if example.label is not None)]
    unlabelled = tuple(example for example in pool if example.label is None)
    return Partition(tuple(fitting), unlabelled, tuple(rest[:HELD_OUT]), tuple(others), with_queries)


def lack(prompt: Prompt, query: int | None = None) -> str:
    """Why no repair of the prompt, or of a query, can be searched for; nothing where one can."""
    but = set() if query is None else {prompt.queries[query].text}
    there = _distinct((*prompt.queries, *prompt.examples), {example.text for example in prompt.demonstrations} | but)
    labelled = sum(example.label is not None for example in there)
    if labelled >= FEWEST:
        return ""
    # A sweep keeps the queries' labels from the search: they are not among what could be counted.
    labels_known = any(example.label is not None for example in prompt.queries)
    where = "'examples' and 'queries'" if labels_known else "'examples'"
    other = "" if query is None else " other than the failed query"
    return (
        f"a repair must hold on labelled examples{other}, and there are {labelled} in "
        f"{where}; add some to 'examples', at least {FEWEST}, better 20 of each label"
    )


def fits_on_queries(prompt: Prompt) -> bool:
    """Whether a search of this prompt makes its repairs of the prompt's own labelled queries too."""
    taken = {example.text for example in (*prompt.demonstrations, *prompt.queries)}
    return _too_few(_distinct(prompt.examples, taken)) and any(query.label is not None for query in prompt.queries)


def _too_few(pool: Sequence[Example]) -> bool:
    return sum(example.label is not None for example in pool) < ENOUGH


def _distinct(examples: Sequence[Example], taken: set[str]) -> list[Example]:
    """Each text once, and none of `taken`."""
    found: dict[str, Example] = {}
    for example in examples:
        if example.text not in taken:
            found.setdefault(example.text, example)
    return list(found.values())


def _cut(labelled: Sequence[Example], classes: int, seed: int) -> tuple[list[Example], list[Example]]:
    """The fitting part, and the rest, one class after the other in turn, so that a cap keeps them in proportion."""
    generator = random.Random(seed)
    fitting: list[Example] = []
    rest: list[list[Example]] = []
    for label in range(classes):
        mine = [example for example in labelled if example.label == label]
        generator.shuffle(mine)
        count = min(len(mine) // 4, FITTING_PER_CLASS)
        fitting += mine[:count]
        rest.append(mine[count:])
    return fitting, [mine[turn] for turn in range(max(map(len, rest))) for mine in rest if turn < len(mine)]
