"""Texts that stand twice in a prompt are named by number, however many they are."""

from __future__ import annotations

from dataclasses import replace

from icldiag.prompt.same_texts import same_text_warnings
from icldiag.prompt.schema import Example, Label, Prompt

LABELS = (Label("Yes", " yes"), Label("No", " no"))


def warnings(demonstrations: list[Example], queries: list[Example]) -> list[str]:
    prompt = Prompt("p", "{text}:{label}", "\n", LABELS, tuple(demonstrations), tuple(queries))
    return list(same_text_warnings(prompt))


def test_different_texts_are_no_matter() -> None:
    assert warnings([Example("a", 0), Example("b", 1)], [Example("c", 0), Example("c", 1), Example("A", None)]) == []


def test_a_query_that_is_a_demonstration() -> None:
    shown = [Example("a", 0), Example("b  c", 1)]
    (said,) = warnings(shown, [Example("x", 0), Example("b c ", 1)])
    assert said.startswith("demonstration 2 has the text of query 2: the answer can be copied")
    (said,) = warnings(shown, [Example("b c", None)])
    assert "can be copied" in said
    (said,) = warnings(shown, [Example("b c", 0)])
    assert said == "demonstration 2 has the text of query 1: it shows another label than the query's gold label"


def test_many_are_folded() -> None:
    shown = [Example(f"text {number}", 0) for number in range(5)]
    (said,) = warnings(shown, [replace(example) for example in shown])
    assert said.startswith("demonstration 1 has the text of query 1, 2 of 2, 3 of 3, and so in 2 more pairs: ")


def test_a_demonstration_with_two_labels() -> None:
    said = warnings([Example("a", 0), Example("b", 0), Example("a", 1), Example("a", 0)], [Example("c", 0)])
    assert said == ["demonstrations 1 and 3 have the same text with different labels (Yes, No)"]
    assert warnings([Example("a", 0), Example("a", 0)], [Example("c", 0)]) == []
    pairs = [Example(f"text {number}", label) for number in range(5) for label in (0, 1)]
    said = warnings(pairs, [Example("c", 0)])
    assert len(said) == 4
    assert said[-1] == "and so have demonstrations of 2 more texts"


def test_demonstrations_of_a_query_alone() -> None:
    own = Example("c", 0, demonstrations=(Example("c", 0),))
    (said,) = warnings([], [own, Example("d", 1)])
    assert said == "query 1 has its own text among the demonstrations that are shown to it alone"
    (said,) = warnings([], [own] * 5)
    assert said.startswith("queries 1, 2 and 3 and 2 more have their own texts among the demonstrations")


def test_all_fields_count() -> None:
    shown = Example.of({"premise": "a", "hypothesis": "b"}, 0)
    prompt = Prompt(
        "p", "{premise} {hypothesis}:{label}", "\n", LABELS, (shown,),
        (Example.of({"premise": "a", "hypothesis": "c"}, 0), shown), fields=("premise", "hypothesis"),
    )  # fmt: skip
    (said,) = same_text_warnings(prompt)
    assert said.startswith("demonstration 1 has the text of query 2:")
