"""The sentences of panel Labels against its numbers: with two labels, one query, no gold labels, one label shown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from icldiag.analyses.confusion.compute import Confusion
from icldiag.analyses.confusion.reading import about_keys, about_layer, reading, reading_of_query
from icldiag.render.pairs import pair_line
from icldiag.samples import sample_path
from icldiag.session import Session

CASES = ("six labels", "two labels", "one query", "no gold labels", "one label shown", "one label answered")


def case_of(case: str) -> Session:
    session = Session(sample_path("sentiment" if case == "two labels" else "questions"), "bundled")
    prompt = session.prompt
    prompt = prompt.with_queries(prompt.queries[: 1 if case == "one query" else 24])
    if case == "no gold labels":
        prompt = prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    if case == "one label shown":
        prompt = replace(prompt, demonstrations=prompt.demonstrations[:1])
    session = session.with_prompt(prompt)
    if case == "one label answered":
        answers = session.prediction().predicted
        alike = [query for query, answer in zip(prompt.queries, answers, strict=True) if answer == answers[0]]
        session = session.with_prompt(prompt.with_queries(alike))
    return session


@pytest.mark.parametrize("case", CASES)
def test_a_querys_sentences_hold(case: str) -> None:
    session = case_of(case)
    found, prediction = session.confusion(), session.prediction()
    for query in range(len(prediction)):
        said = reading_of_query(found, prediction, query)
        pair = found.pair(int(prediction.predicted[query]), prediction.rival(query))
        rank, wrong = found.distance_rank(pair), prediction.is_wrong(query)
        assert said.endswith(".") and ".." not in said
        assert ("their anchors are" in said) == (rank is not None)
        if rank is not None:
            ordinal = re.search(r"Of (\d+) pairs of labels their anchors are (?:(\d+)\w\w )?(closest|farthest)", said)
            assert ordinal is not None and int(ordinal[1]) == found.distances
            assert int(ordinal[2] or (found.distances if ordinal[3] == "farthest" else 1)) == rank
        lacking = [found.labels[of] for of, asked in zip((pair.a, pair.b), pair.queries, strict=True) if not asked]
        assert ("is unknown: no query has the gold label" in said) == bool(lacking) == (pair.auc is None)
        if lacking:
            told = f"no query has the gold label {' or '.join(lacking)}"
            assert told in said and told in pair_line(found, pair)
        assert ("tell all their queries apart" in said) == (pair.auc == 1)
        concluded = re.search(r"\. (\d+ and \d+ queries are|They are|So the)[^.]*\.$", said) is not None
        assert concluded == (wrong and pair.auc is not None)
        if wrong and pair.auc is not None:
            assert ("too few to blame" in said) == (min(pair.queries) < 5)


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_all_holds(case: str) -> None:
    session = case_of(case)
    found = session.confusion()
    said = reading(found)
    check_worst(found, said)
    assert about_layer(found).startswith(f"Layer {found.layer} is shown: ")
    if case == "one label shown":
        assert any(one.startswith("no distances: one label alone is shown") for one in found.missing)
        assert found.default.aucroc is None  # 0.5 everywhere
    plural = [one for one in found.missing if one.count(",") and "no demonstration shows" in one]
    assert all(one.endswith("them") for one in plural)
    assert "rotary" not in about_keys(found) or "no rotary" in about_keys(found)  # GPT-2 adds positions before layer 0


def check_worst(found: Confusion, said: str) -> None:
    """Of the pairs with an AUC the least, with errors as the matrix counts them."""
    measured = [pair.auc for pair in found.pairs if pair.auc is not None]
    assert ("AUC" in said) == bool(measured)
    if measured:
        assert f"AUC {min(measured):.2f}" in said
    for count, of, by in re.findall(r"(\d+) (\w+) quer\w+ answered (\w+)", said):
        pair = found.pair(found.labels.index(of), found.labels.index(by))
        place = 0 if found.labels[pair.a] == of else 1
        assert pair.mistaken[place] == int(count)
