"""Runs without demonstrations, as most tasks are run by default: a prompt that shows none, to the harness's text."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.prompt.lm_eval.convert import import_log
from tests.prompt.lm_eval.logs import CHOICES, CONFIG, TEXTS, context, row, scores, write, write_results
from tests.prompt.lm_eval.test_convert import complaint

PAIRS = [("A man sleeps.", "He is awake.", 1), ("It rains.", "It is wet.", 0), ("Snow fell.", "Ice is cold.", 2)]


@pytest.mark.parametrize("opening", ["", "Judge the review.\n\n"])
@pytest.mark.parametrize("with_results", [True, False])
@pytest.mark.parametrize("kind", ["multiple_choice", "generate_until"])
def test_a_run_without_demonstrations(tmp_path: Path, kind: str, with_results: bool, opening: str) -> None:
    made = []
    for number, (text, gold) in enumerate(TEXTS):
        asked = context(text, [], opening)
        if kind == "multiple_choice":
            answers = [[score, False] for score in scores(0)]
            made.append(row(number, [(asked, f" {word}") for word in CHOICES], answers, gold, doc={"text": text}))
        else:
            made.append(row(number, [(asked, {})], ["positive"], CHOICES[gold], doc={"text": text}))
    path = write(tmp_path, made)
    if with_results:
        write_results(path, {"num_fewshot": 0, "description": opening, "output_type": kind})
    found = import_log(path)
    assert [found.prompt.written(query) for query in found.prompt.queries] == [
        context(t, [], opening) for t, _ in TEXTS
    ]
    assert [query.text for query in found.prompt.queries] == [text for text, _ in TEXTS]
    assert [found.prompt.label_names[query.known_label] for query in found.prompt.queries] == [
        CHOICES[gold] for _, gold in TEXTS
    ]
    assert [label.word for label in found.prompt.labels] == [" positive", " negative", " neutral"]
    assert found.prompt.instruction == ((with_results and opening.strip()) or None)
    assert any("zero-shot" in note for note in found.notes)


def test_its_several_texts_are_fields(tmp_path: Path) -> None:
    asked = "{}\nQuestion: {} True, False or Neither?\nAnswer:"
    path = write(
        tmp_path,
        [
            row(
                number,
                [(asked.format(premise, claim), f" {word}") for word in ("True", "False", "Neither")],
                [[score, False] for score in scores(0)],
                gold,
                doc={"premise": premise, "hypothesis": claim, "idx": "7"},
            )
            for number, (premise, claim, gold) in enumerate(PAIRS)
        ],
    )
    prompt = import_log(path).prompt
    assert prompt.template == "{premise}\nQuestion: {hypothesis} True, False or Neither?\nAnswer:{label}"
    assert dict(prompt.queries[1].fields) == {"premise": "It rains.", "hypothesis": "It is wet."}


def test_examples_that_cannot_be_told_apart_are_no_zero_shot_prompt(tmp_path: Path) -> None:
    """The contexts hold examples whose labels are none of the answers."""
    shown = "Review: great\nSentiment: +\n\nReview: {}\nSentiment:"
    made = [
        row(n, [(shown.format(text), f" {word}") for word in CHOICES], [[s, False] for s in scores(0)], 0)
        for n, (text, _) in enumerate(TEXTS)
    ]
    path = write(tmp_path, made)
    write_results(path, {"num_fewshot": 1})
    assert "no demonstrations can be told apart" in complaint(path)
    assert CONFIG["num_fewshot"]


def test_targets_that_are_true_or_false_are_places(tmp_path: Path) -> None:
    """As of boolq, whose documents say `answer: true`."""
    made = [
        row(n, [(context(text, []), " no"), (context(text, []), " yes")], [[s, False] for s in scores(0, 2)], target)
        for n, ((text, _), target) in enumerate(zip(TEXTS, (True, False, True, True), strict=True))
    ]
    prompt = import_log(write(tmp_path, made)).prompt
    assert [prompt.label_names[query.known_label] for query in prompt.queries] == ["yes", "no", "yes", "yes"]
