"""The first line, case by case: it must hold for two labels and many, one query, no gold labels, all answers alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.overview import headline, lines, next_step
from icldiag.analyses.overview.compute import first_lines
from icldiag.analyses.overview.verdict import excess, too_often
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.analyses.overview.made import batch_lean, made_stability, overview_of, two_classes
from tests.conftest import Tiny


def test_a_lean_that_hides_what_the_scores_know() -> None:
    scores, gold = two_classes(20, apart=4, shift=9)
    found = overview_of(scores, gold, lean=batch_lean(scores, gold))
    assert found.verdict.kind == "one label"
    assert found.verdict.hidden_by is not None
    said = headline(found)
    assert said.startswith("All 40 answers are Positive: 20 of 40 are right (0.50). AUC 1.00 (0.")
    assert said.endswith("and the lean hides it: dividing out the batch prior fixes more answers than it breaks.")
    wrong = gold.index(0)
    assert found.explains(wrong)
    assert found.explains(gold.index(1)) is None  # right


def test_no_lean_is_claimed_before_it_is_measured() -> None:
    found = overview_of(*two_classes(20, apart=4, shift=9))
    assert "lean" not in headline(found)
    assert found.explains(0) is None


def test_texts_that_stand_twice_are_told() -> None:
    found = replace(overview_of(*two_classes(4, apart=4, shift=0)), same_texts=("demonstration 1 has it",))
    assert headline(found).endswith(" Demonstration 1 has it.")


def test_labels_that_the_scores_do_not_tell_apart() -> None:
    scores, gold = two_classes(60, apart=0, shift=9)
    found = overview_of(scores, gold, lean=batch_lean(scores, gold))
    assert found.verdict.hidden_by is None
    assert headline(found).startswith("All 120 answers are Positive: 60 of 120 are right (0.50). AUC 0.")
    assert "the scores hardly tell the labels apart. The prompt leans to Positive" in headline(found)
    assert "leans" not in headline(replace(found, outscored=((0, 1),)))  # the scoring of the words says why
    assert not found.explains(0)


def test_four_queries_say_little() -> None:
    scores = np.array([[2.0, 1.0], [2.0, 1.5], [2.0, 1.1], [2.0, 1.4]])
    said = headline(overview_of(scores, [0, 0, 1, 1]))
    assert said.startswith("All 4 answers are Negative: 2 of 4 are right (0.50). AUC 0.50 (")
    assert said.endswith("these are too few queries to say whether the scores tell the labels apart.")


def test_a_label_that_is_answered_too_often() -> None:
    scores = np.eye(4)[[1] * 20 + [2] * 10 + [3] * 10]
    gold = [0] * 12 + [2] * 8 + [2] * 10 + [3] * 10
    found = overview_of(scores, gold)
    assert (found.verdict.kind, found.verdict.label) == ("too often", 1)
    said = headline(found)
    assert said.startswith(
        "Positive is answered too often: 20 of 40 answers, and none of the 40 labelled have it as gold "
    )
    assert "20 of 40 are right: accuracy 0.50 (0.35 to 0.65)." in said


def test_how_much_a_label_answered_too_often_matters() -> None:
    """32 answers too many of 2,000 are surely too many, and little beside 400 errors: these come first."""
    scores = np.eye(2)[[1] * 1000 + [0] * 1000]
    gold = [0] * 216 + [1] * 784 + [0] * 816 + [1] * 184
    found = overview_of(scores, gold)
    few = overview_of(np.eye(2)[[1] * 400 + [0] * 600], [0] * 60 + [1] * 340 + [0] * 580 + [1] * 20)
    assert few.verdict.kind == "too often"
    assert excess(few, 1).share == 0.04
    low, high = excess(few, 1).interval
    assert 0 < low < 0.04 < high
    assert headline(few).startswith(
        "Positive is answered too often: 400 of 1000 answers, and 360 of the 1000 labelled "
    )
    assert f"4.0% of the queries too many ({low:.1%} to {high:.1%}), of 80 errors." in headline(few)
    many = overview_of(np.eye(2)[[1] * 1000 + [0] * 1000], [0] * 250 + [1] * 750 + [0] * 816 + [1] * 184)
    assert many.verdict.kind == "too often"
    assert headline(many).startswith("1566 of 2000 are right: accuracy 0.78")
    assert found.verdict.kind != "too often"


def test_as_many_one_way_as_the_other_is_not_too_often() -> None:
    scores = np.eye(2)[[1] * 10 + [0] * 10 + [1] * 20]
    assert too_often(overview_of(scores, [0] * 10 + [1] * 10 + [1] * 20)) is None


def test_no_better_than_always_the_commonest() -> None:
    scores = np.eye(2)[[0, 1] * 20]
    gold = [0] * 30 + [1] * 10
    found = overview_of(scores, gold)
    assert found.verdict.kind in ("no better", "too often")
    balanced = overview_of(np.eye(2)[[0, 1] * 20], [0, 0, 1, 1] * 10)
    assert headline(balanced).startswith(
        "20 of 40 are right: accuracy 0.50 (0.35 to 0.65), no better than always Negative (0.50)."
    )


def test_a_label_that_draws_the_errors_is_named_where_chance_may_do_as_much() -> None:
    """It, and not the label that is always as right, is what causes are asked for."""
    four = overview_of(np.eye(2)[[0, 0, 1, 1, 1, 1, 1, 1]], [0] * 5 + [1] * 3)
    assert (four.verdict.kind, four.verdict.label) == ("no better", 1)
    assert "no better than always Negative" in headline(four).replace("not surely", "no")
    assert "All 3 errors are answered Positive." in headline(four)
    mixed = overview_of(np.eye(2)[[0, 0, 0, 1, 1, 1, 1, 1, 1, 0]], [0] * 7 + [1] * 3)
    assert mixed.verdict.label == 1
    assert "4 of 5 errors are answered Positive." in headline(mixed)
    even = overview_of(np.eye(2)[[0, 1] * 20], [0, 0, 1, 1] * 10)
    assert even.verdict.label is None
    few = overview_of(np.eye(2)[[0, 0, 1, 1, 1]], [0, 0, 0, 0, 1])  # two errors
    assert few.verdict.label is None


def test_balanced_accuracy_decides_where_the_gold_labels_are_not_equally_frequent() -> None:
    """Right as often as always Negative would be, and yet half of the few Positive are found."""
    gold = [0] * 80 + [1] * 20
    answers = [0] * 68 + [1] * 12 + [1] * 12 + [0] * 8
    knowing = overview_of(np.eye(2)[answers], gold)
    assert knowing.measures is not None
    assert knowing.measures.accuracy.value == knowing.measures.baseline == 0.8
    assert not knowing.measures.no_better
    assert knowing.verdict.kind == "errors"
    blind = overview_of(np.eye(2)[[0, 0, 0, 0, 1] * 20], gold)
    assert blind.verdict.kind == "no better"
    assert "; balanced accuracy 0.50 (" in headline(blind)
    assert headline(blind).split(". ")[0].endswith("no better than always Negative (0.50)")


def test_all_right() -> None:
    found = overview_of(np.eye(2)[[0, 1] * 5], [0, 1] * 5)
    assert headline(found) == "All 10 labelled queries are answered right (95 %: at least 0.72 of such queries)."
    alone = overview_of(np.eye(2)[[1] * 5], [1] * 5)
    assert headline(alone).startswith("All 5 labelled queries are answered right, each with the label Positive")


@pytest.mark.parametrize(
    ("answers", "gold", "opening"),
    [
        ([0, 1, 0], [0, None, None], "The one labelled query is answered right (95 %"),
        ([0, 1, 0], [0, 1, None], "Both labelled queries are answered right (95 %"),
        ([0, 0, 0], [0, 0, None], "Both labelled queries are answered right, each with the label Negative (95 %"),
        ([0, 1, 0], [0, 1, 0], "All 3 labelled queries are answered right (95 %"),
        ([0, 1, 1], [1, 1, 0], "1 of 3 is right: "),
    ],
)
def test_one_is_and_two_are(answers: list[int], gold: list[int | None], opening: str) -> None:
    assert headline(overview_of(np.eye(2)[answers] * 4.0, gold)).startswith(opening)


def test_without_gold_labels() -> None:
    same = overview_of(np.eye(2)[[1] * 12], [None] * 12)
    assert headline(same) == "All 12 answers are Positive; no query has a gold label."
    other = overview_of(np.eye(2)[[1] * 8 + [0] * 4], [None] * 12)
    assert headline(other) == "12 queries, none with a gold label: Positive 8, Negative 4."
    assert {line.name: line.sentence for line in lines(other)}["accuracy"] == "undefined: no query has a gold label."


@pytest.mark.parametrize(
    ("gold", "ending"),
    [(1, "that is right."), (0, "the gold label is Negative."), (None, "its gold label is unknown.")],
)
def test_one_query(gold: int | None, ending: str) -> None:
    said = headline(overview_of(np.array([[0.0, 2.0]]), [gold]))
    assert said == f"The query is answered Positive, with 0.88 of the label words' probability; {ending}"


def test_what_the_model_would_write_instead() -> None:
    scores, gold = two_classes(4, apart=2, shift=0)
    found = overview_of(scores, gold, first=[" Drug"] * 5 + [" Positive"] * 3)
    assert headline(found).endswith(
        "In 5 of 8 queries the model would first write something else, most often ' Drug' (5); the label words hold "
        "0.05 of the probability."
    )
    various = overview_of(scores, gold, first=[" Drug"] * 2 + [" a", " b", " c"] + [" Positive"] * 3)
    assert "something else (4 different tokens), most often ' Drug' (2);" in headline(various)
    few = overview_of(scores, gold, first=[" Drug"] * 2 + [" Positive"] * 6)
    assert "write something else" not in headline(few)


def test_a_label_word_in_another_case_is_not_something_else() -> None:
    scores, gold = two_classes(4, apart=2, shift=0)
    found = overview_of(scores, gold, first=["positive"] * 4 + [" NEGATIVE"] + [" Drug"] * 2 + [" Positive"])
    assert found.writing.elsewhere == 2
    assert not found.verdict.elsewhere
    by_name = {line.name: line.sentence for line in lines(found)}
    assert by_name["format"].startswith("the label words, as they are written, hold 0.05 of the probability")
    assert by_name["format"].endswith(
        "; in 2 of 8 the model would first write something else: ' Drug' 2; in 5 of 8 the model would first write a "
        "label word in another case or spacing: 'positive' 4, ' NEGATIVE' 1."
    )
    only = overview_of(scores, gold, first=["positive"] * 8)
    assert "something else" not in next(line.sentence for line in lines(only) if line.name == "format")


def test_some_labelled() -> None:
    said = headline(overview_of(np.eye(2)[[1] * 6], [1, 0, None, None, None, None]))
    assert said.startswith("All 6 answers are Positive: 1 of 2 labelled is right (0.50).")


def test_many_classes_fold() -> None:
    generator = np.random.default_rng(0)
    gold = list(range(60)) * 2
    scores = generator.normal(0, 1, (120, 60)) + 2 * np.eye(60)[gold]
    found = overview_of(scores, gold)
    by_name = {line.name: line.sentence for line in lines(found)}
    assert "other" in by_name["errors"]
    assert len(by_name["errors"]) < 200
    assert found.separability is not None
    assert found.separability.pairs == 60 * 59 / 2
    assert found.separability.auc.low < found.separability.auc.value < found.separability.auc.high


def test_scores_that_rank_the_labels_the_wrong_way_round_are_said_to() -> None:
    found = overview_of(*two_classes(20, apart=-4, shift=0))
    assert found.separability is not None
    assert found.separability.auc.high < 0.5
    assert "below 0.5: the scores rank the labels the wrong way round" in headline(found)


def test_the_next_step_is_said_only_when_it_is_known() -> None:
    assert next_step(overview_of(*two_classes(4, 2, 0))) == ""


def test_a_label_that_can_never_win_is_said_first() -> None:
    found = overview_of(*two_classes(20, apart=4, shift=9))
    assert "can never win" not in headline(found)
    said = headline(replace(found, outscored=((0, 1),)))
    assert (
        "(0.50). 'Negative' can never win without a calibration: scored whole, its tokens begin with those of" in said
    )
    known = replace(found, outscored=((0, 1),), unrepaired="there are too few")
    assert next_step(known) == "First set 'scoring: terminated' in the prompt file. There are too few."
    scores = np.repeat(np.eye(4), 5, axis=0)
    several = replace(overview_of(scores, [0] * 20), outscored=((1, 0), (2, 0), (2, 1)))
    assert "'Positive' (and 1 other label) can never win without" in headline(several)


def test_words_that_begin_each_other_are_found_where_they_are_scored_whole(prompt: Prompt, tiny: Tiny) -> None:
    words = (Label("a", " sea"), Label("b", " sea park"), Label("c", " river"))
    whole = replace(prompt, labels=words, scoring="whole")
    found = Session(whole, tiny()).overview()
    assert found.outscored == ((1, 0),)
    assert found.answered[1] == 0
    assert "'b' can never win" in headline(found)
    fair = Session(replace(whole, scoring="terminated"), tiny())
    assert first_lines(fair, fair.prediction()).outscored == ()
    raised = replace(whole, calibration=Calibration("batch", (0.0, 50.0, 0.0)))
    calibrated = Session(raised, tiny())
    assert first_lines(calibrated, calibrated.prediction()).outscored == ()
    assert 1 in calibrated.prediction().predicted  # a calibration may lift it above


@pytest.mark.parametrize(
    ("gold", "answers", "told"),
    [
        ([0, 1, 2] * 10, [0, 0, 1] * 10, "No query is answered Neutral, the gold label of 10."),
        ([0, 1, 2] * 10, [2, 2, 2] * 9 + [2, 2, 2], None),  # all answers are alike, which says it
        ([0, 1] * 14 + [2, 2], [0, 1] * 15, None),  # fewer than a tenth
        ([0, 1, 2] * 10, [0, 2, 1] * 10, None),
    ],
)
def test_labels_that_are_never_answered_are_named(gold: list[int], answers: list[int], told: str | None) -> None:
    labels = max(gold) + 1
    scores = np.log(0.1 + 5 * np.eye(labels)[answers])
    said = headline(overview_of(scores, gold))
    assert told in said if told else "No query is answered" not in said


def test_pairs_that_tie_with_the_worst_are_named_too() -> None:
    scores = np.zeros((9, 3))
    scores[6:, 2] = 9.0  # the first two labels are told apart from the third, and not from each other
    gold = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    said = {line.name: line.sentence for line in lines(overview_of(scores, gold))}["separability"]
    assert "no higher" not in said
    said = {line.name: line.sentence for line in lines(overview_of(np.zeros((9, 3)), gold))}["separability"]
    assert said.count("0.50") >= 4
    assert "; no higher: " in said


def test_beside_what_draws_the_answers_that_the_scores_tell_labels_apart_is_no_news() -> None:
    found = overview_of(*two_classes(20, apart=4, shift=2))
    assert found.verdict.separated == "yes"
    assert "the scores tell the labels apart better than chance" in headline(found)
    known = replace(found, stability=made_stability(answers_last=True), shown=(0, 0, 1, 1))
    assert known.causes
    assert "tell the labels apart" not in headline(known)
    blind = overview_of(*two_classes(60, apart=0, shift=2))
    told = replace(blind, stability=made_stability(answers_last=True), shown=(0, 0, 1, 1))
    assert "the scores hardly tell the labels apart" in headline(told)
