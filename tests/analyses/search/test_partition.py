"""The parts share no text, and say where they come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.search.partition import FOLDS, HELD_OUT, Partition, lack, make_parts
from icldiag.errors import AnalysisError
from icldiag.prompt.schema import Example, Prompt


def numbered(count: int, start: int = 0) -> tuple[Example, ...]:
    return tuple(Example(f"number {i}", i % 3) for i in range(start, start + count))


def texts(parts: Partition) -> list[str]:
    labelled = [example.text for part in (parts.fitting, parts.selection, parts.others) for example in part]
    return [*labelled, *(example.text for example in parts.unlabelled)]


@pytest.mark.parametrize("count", [0, 6, 30, 90])
@pytest.mark.parametrize("query", [None, 0])
def test_no_text_is_in_two_parts(prompt: Prompt, count: int, query: int | None) -> None:
    repeated = (
        *numbered(count),
        *prompt.demonstrations,
        *prompt.queries,
        *numbered(count),
        Example("unlabelled", None),
    )
    prompt = replace(prompt, examples=repeated, queries=(*prompt.queries, *numbered(9, 1000), prompt.queries[1]))
    found = texts(make_parts(prompt, query))
    assert len(found) == len(set(found))
    assert not {example.text for example in prompt.demonstrations} & set(found)
    assert query is None or prompt.queries[query].text not in found


def test_many_examples_leave_the_queries_to_confirm(prompt: Prompt) -> None:
    parts = make_parts(replace(prompt, examples=numbered(60)))
    assert not parts.with_queries
    queries = {query.text for query in prompt.queries if query.label is not None}
    assert queries <= {example.text for example in parts.others}
    assert not queries & {example.text for example in (*parts.fitting, *parts.selection)}
    assert (len(parts.fitting), len(parts.selection), len(parts.others)) == (15, 45, 5)
    assert len(parts.confirmation) == 65
    for part in (parts.fitting, parts.selection, parts.others):
        assert {example.label for example in part} == {0, 1, 2}


def test_the_seed_cuts_otherwise(prompt: Prompt) -> None:
    prompt = replace(prompt, examples=numbered(60))
    assert make_parts(prompt, seed=1) == make_parts(prompt, seed=1) != make_parts(prompt, seed=2)


def test_few_examples_are_joined_by_the_queries(prompt: Prompt) -> None:
    parts = make_parts(replace(prompt, examples=numbered(6)))
    assert parts.with_queries
    assert parts.others == ()
    assert parts.confirmation == parts.folded
    assert prompt.queries[0] in (*parts.fitting, *parts.selection)


def test_too_few_are_refused(prompt: Prompt) -> None:
    with pytest.raises(AnalysisError, match=r"there are 5 in 'examples' and 'queries'; add some to 'examples'"):
        make_parts(prompt)
    asked = tuple(replace(query, label=None) for query in prompt.queries)  # as a sweep searches
    with pytest.raises(AnalysisError, match=r"there are 0 in 'examples'; add some to 'examples'"):
        make_parts(replace(prompt, queries=asked))
    assert lack(prompt).startswith("a repair must hold on labelled examples, and there are 5 in")
    assert "other than the failed query, and there are 4 in" in lack(prompt, 0)
    assert not lack(replace(prompt, examples=numbered(3)))  # 8 with the queries
    assert lack(replace(prompt, examples=numbered(3)), 0)


def test_large_parts_are_capped_in_proportion(prompt: Prompt) -> None:
    rare = tuple(Example(f"rare {i}", 2) for i in range(200))
    parts = make_parts(replace(prompt, examples=(*(Example(f"common {i}", i % 2) for i in range(4000)), *rare)))
    assert len(parts.selection) == HELD_OUT
    assert {example.label for example in parts.selection} == {0, 1, 2}


@pytest.mark.parametrize("count", [9, 60, 100])
def test_every_class_is_spread_over_the_folds(prompt: Prompt, count: int) -> None:
    parts = make_parts(replace(prompt, examples=numbered(count)))
    sizes = np.bincount(parts.folds, minlength=FOLDS)
    assert sizes.sum() == len(parts.folded)
    assert sizes.max() - sizes.min() <= 1
    for label in range(3):
        own = [fold for example, fold in zip(parts.folded, parts.folds, strict=True) if example.label == label]
        sizes = np.bincount(own, minlength=FOLDS)
        assert sizes.max() - sizes.min() <= 1
