"""Candidates: examples that are chosen for each query, after the prompt's own demonstrations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from icldiag.analyses.search.repair import Repair, change
from icldiag.analyses.search.search import Search
from icldiag.prompt.retrieval import Retrieval

COUNTS = (4,)  # each asks every text anew, with so many demonstrations more


def retrievals(search: Search) -> Iterator[Repair]:
    """The examples nearest to each query by BM25; nothing where some are chosen already."""
    prompt = search.prompt
    if prompt.chat or prompt.retrieval is not None:
        return
    if all(example.label is None for example in prompt.examples):
        return
    for count in COUNTS:
        name = f"the {count} examples nearest to each query"
        yield change("retrieval", name, replace(prompt, retrieval=Retrieval(count)), f"{count} nearest examples")
