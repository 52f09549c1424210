"""Prompts drawn from a task: every seed shows other demonstrations and asks other queries."""

from __future__ import annotations

import random
from dataclasses import replace

from icldiag.errors import PromptError
from icldiag.prompt.schema import Example, Prompt
from icldiag.quoting import quoted
from icldiag.sweeps.tasks import Task


def draw_prompt(task: Task, seed: int, shots: tuple[int, ...]) -> Prompt:
    """The prompt of a seed with `shots` demonstrations per class, in random order.

    All prompts of one seed ask the same queries, one with more shots shows what the other shows and more, and no text
    is both in one of them and among the examples of another.

    Raises:
        PromptError: no text is left to ask.
    """
    generator = random.Random(f"{task.name}/{seed}")
    most = [max(counts) for counts in zip(*task.variants, strict=True)]
    demonstrations: list[Example] = []
    examples: list[Example] = []
    used: set[str] = set()
    for label, (shown, reserved) in enumerate(zip(shots, most, strict=True)):
        own = [example for example in task.pool if example.label == label]
        generator.shuffle(own)
        demonstrations += own[:shown]
        examples += own[reserved : reserved + task.example_limit]
        used |= {example.text for example in own[: reserved + task.example_limit]}
    queries = _queries(task, generator, used)
    random.Random(f"{task.name}/{seed}/order").shuffle(demonstrations)
    return replace(task.shape, demonstrations=tuple(demonstrations), queries=queries, examples=tuple(examples))


def _queries(task: Task, generator: random.Random, used: set[str]) -> tuple[Example, ...]:
    """As many as there may be, in the order of the data; where one file serves for all, none of the texts shown."""
    queries = [query for query in task.queries if query.text not in used]
    if not queries:
        raise PromptError(
            f"prompt {quoted(task.name)}: demonstrations and examples leave no text to ask; "
            "lower 'examples', or name 'test'"
        )
    if len(queries) <= task.query_limit:
        return tuple(queries)
    chosen = set(generator.sample(range(len(queries)), task.query_limit))
    return tuple(query for place, query in enumerate(queries) if place in chosen)
