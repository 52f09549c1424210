"""The labelled examples in three parts, so that no repair is judged by what it was made from or chosen by.

- fitting: what a repair may learn from (a batch's mean, a training set, a demonstration to put in);
- selection: what the candidates are ranked by;
- confirmation: what the best of them is measured on, once; the prompt's other labelled queries are part of it. Of many
  candidates tried on the same examples the best one is lucky too, so its gain on the selection part promises too much.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from icldiag.errors import AnalysisError
from icldiag.prompt.schema import Example, Prompt

FEWEST = 8  # labelled examples in all, below which nothing can be told
ENOUGH = 24  # with fewer in `examples`, the other labelled queries are used too
CONFIRMING = 10  # a smaller confirmation part is not worth its name and goes to the selection part
FITTING_PER_CLASS = 16
HELD_OUT = 200  # at most so many of the examples in the selection part, and in the confirmation part


@dataclass(frozen=True)
class Partition:
    """No text is in two parts, nor among the demonstrations."""

    fitting: tuple[Example, ...]
    unlabelled: tuple[str, ...]  # further texts of the task, their labels unknown; may be fitted on
    selection: tuple[Example, ...]
    confirmation: tuple[Example, ...]  # empty where the examples are too few
    with_queries: bool  # whether queries of the prompt are among the first two, too


def make_parts(prompt: Prompt, query: int | None = None, seed: int = 0) -> Partition:
    """Cut the prompt's `examples` class by class: a quarter to fit on, half of the rest to select, half to confirm.

    The labelled queries, but for `query`, the one to be mended, confirm too; where the examples are few they are cut
    with them instead.

    Raises:
        AnalysisError: fewer than 8 labelled examples.
    """
    taken = {example.text for example in prompt.demonstrations}
    queries = [example for index, example in enumerate(prompt.queries) if index != query]
    mended = set() if query is None else {prompt.queries[query].text}
    others = _distinct(queries, taken | mended)
    pool = _distinct(prompt.examples, taken | mended | {example.text for example in others})
    with_queries = sum(example.label is not None for example in pool) < ENOUGH
    if with_queries:
        pool, others = pool + others, []
    labelled = [example for example in pool if example.label is not None]
    if len(labelled) < FEWEST:
        raise AnalysisError(
            f"a repair must hold on labelled examples other than the failed query, and there are {len(labelled)} in "
            f"'examples' and 'queries'; add some to 'examples', at least {FEWEST}, better 20 of each label"
        )
    fitting, selection, confirmation = _cut(labelled, len(prompt.labels), seed)
    confirmation += [example for example in others if example.label is not None]
    if len(confirmation) < CONFIRMING:
        selection, confirmation = selection + confirmation, []
    unlabelled = tuple(example.text for example in pool if example.label is None)
    return Partition(tuple(fitting), unlabelled, tuple(selection), tuple(confirmation), with_queries)


def _distinct(examples: Sequence[Example], taken: set[str]) -> list[Example]:
    """Each text once, and none of `taken`."""
    found: dict[str, Example] = {}
    for example in examples:
        if example.text not in taken:
            found.setdefault(example.text, example)
    return list(found.values())


def _cut(labelled: Sequence[Example], classes: int, seed: int) -> tuple[list[Example], list[Example], list[Example]]:
    generator = random.Random(seed)
    fitting: list[Example] = []
    rest: list[list[Example]] = []
    for label in range(classes):
        mine = [example for example in labelled if example.label == label]
        generator.shuffle(mine)
        count = min(len(mine) // 4, FITTING_PER_CLASS)
        fitting += mine[:count]
        rest.append(mine[count:])
    turns = [mine[turn] for turn in range(max(map(len, rest))) for mine in rest if turn < len(mine)]
    # One class after the other in turn, so that a cap keeps the classes in proportion; every second turn confirms.
    selection: list[Example] = []
    confirmation: list[Example] = []
    seen = [0] * classes
    for example in turns:
        assert example.label is not None
        (confirmation if seen[example.label] % 2 == 1 else selection).append(example)
        seen[example.label] += 1
    return fitting, selection[:HELD_OUT], confirmation[:HELD_OUT]
