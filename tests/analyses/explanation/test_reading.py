"""Sentences: each holds the numbers of its run, and none claims what was not seen."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.explanation import Explanation, findings, of_cause, reading
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.factors import Factor
from icldiag.analyses.explanation.favourite import Favourite, Undoing
from icldiag.analyses.explanation.not_asked import not_asked
from icldiag.analyses.explanation.others import Check, Counts
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.explanation.reading import cautions, cost_to_others, doubted, headline, prompt_wide, verdict
from icldiag.analyses.explanation.relabelled import LIKELY
from icldiag.analyses.explanation.section import blocks
from icldiag.analyses.overview.causes import PromptCause
from icldiag.analyses.overview.doubts import Doubt
from icldiag.analyses.overview.recency import Recency
from icldiag.page.blocks import Paragraph
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from tests.analyses.explanation.made import HELPS, NAMES, TURNS, only, with_factor
from tests.conftest import Tiny


def test_a_cause_is_told_with_its_nats_its_run_and_what_supports_it(explained: tuple[Session, Explanation]) -> None:
    session, _ = explained
    told = 0
    for query in range(len(session.prompt.queries)):
        found = session.explanation(query)
        for cause in found.causes:
            sentence = of_cause(cause, found)
            digits = 1 if found.contest.lead >= 1 else 2
            if cause.nats is not None:
                own, lead = f"{cause.nats:.{digits}f}", f"{found.contest.lead:.{digits}f}"
                more = cause.nats > found.contest.lead
                assert (f"{own} nats, more than the lead of {lead}" if more else f"{own} of {lead} nats") in sentence
            assert f"-> {cause.confirmed_by.lead:.{digits}f} nats" in sentence
            assert ("No second test confirms it" in sentence) == (not cause.supported)
            assert cause.support in sentence
            told += 1
        if found.causes:
            assert of_cause(found.causes[0], found) in reading(found)
        assert ("What would turn it" in reading(found)) == (
            bool(found.causes) and found.contest.gold == found.contest.answer
        )
    assert told


def test_a_report_says_of_a_right_answer_which_label_is_next(explained: tuple[Session, Explanation]) -> None:
    """Not "before" which: that was read as what the answer had been."""
    _, found = explained
    right = replace(found, contest=replace(found.contest, gold=found.contest.answer))
    answer, rival = right.pair
    told = [block.text for block in blocks([right]) if isinstance(block, Paragraph)]
    assert told[0].startswith(f"{answer}, next {rival}. ")


def test_what_no_second_test_confirms_is_no_claim(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    wrong = replace(found, contest=replace(found.contest, gold=found.contest.rival))
    run = found.order.runs[0]
    sure, unsure = Cause("order", run, 1.0, True, ""), Cause("order", run, 1.0, False, "")
    assert headline(replace(wrong, causes=(sure,))).startswith("The order of the demonstrations favours")
    assert headline(replace(wrong, causes=(unsure,))).startswith("No cause is confirmed; the closest: The order")
    light = replace(sure, weighs=False)
    assert headline(replace(wrong, causes=(light,))).startswith("No cause is confirmed; the closest: The order")
    wrongly = Cause("demonstration", run, 1.0, True, "", 0)
    for odds, own, likely in (
        (LIKELY, 0.1, True),
        (LIKELY, None, True),
        (LIKELY - 0.1, 0.1, False),
        (9.0, -0.1, False),
    ):
        effects = (replace(found.demonstrations[0], odds=odds, likelihood=own), *found.demonstrations[1:])
        told = replace(wrong, causes=(wrongly,), demonstrations=effects)
        assert (
            "probably carries a wrong label" if likely else "pulls this text to its label, which may be wrong"
        ) in headline(told)
    unsure = replace(wrongly, supported=False)
    assert "pulls this text to its label" in headline(replace(wrong, causes=(unsure,)))


def test_a_word_that_can_never_win_is_told_so(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    wrong = replace(found, contest=replace(found.contest, gold=found.contest.rival))
    cause = Cause("scoring", found.order.runs[0], 1.0, True, "")
    assert "The scoring of label words favours" in headline(replace(wrong, causes=(cause,)))
    rival = found.labels[found.contest.rival]
    assert headline(replace(wrong, causes=(cause,), overlap=True)).startswith(
        f"{rival} can never win without a calibration: scored whole"
    )


def test_a_change_that_turns_the_answer_is_never_nothing(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    turned = replace(found.order.runs[0], turned=True, change="an order of its own")
    bare = replace(found, causes=(), order=replace(found.order, runs=(turned, *found.order.runs[1:])))
    few = f"1 of {len(bare.tried)} changes"
    assert f"{few} makes the answer" in reading(bare)
    assert "(an order of its own)" in reading(bare)
    assert headline(bare).endswith(f" {few} turns it: an order of its own.")
    runs = {of: replace(run, turned=False) for of, run in found.shares.runs.items()}
    still = tuple(replace(run, turned=False) for run in found.order.runs)
    sources = tuple(replace(of, divided=replace(of.divided, turned=False)) for of in found.prior.sources)
    effects = tuple(replace(of, hidden=replace(of.hidden, turned=False)) for of in found.demonstrations)
    nothing = replace(
        bare,
        order=replace(found.order, runs=still),
        shares=replace(found.shares, runs=runs),
        prior=replace(found.prior, sources=sources, balanced=()),
        demonstrations=effects,
        classes=replace(found.classes, removed=None),
        aggregation=replace(found.aggregation, doubled=None),
    )
    assert not any(run.turned for run in nothing.tried)
    factors = (Factor("order", "another order"), Factor("demonstration", "left out", demonstration=1))
    tried, third = f"none of {len(nothing.tried)} changes", found.labels[nothing.contest.rival]
    left = "nats are left of the lead with all else neutral, 2.5 as it is"
    for rest, nats, opening in (
        (3.5, (-0.5, -0.5), f"Mostly the query's text: 3.5 {left}"),
        (1.5, (0.5, 0.5), f"Mostly the query's text: 1.5 {left}"),
        (0.5, (0.6, 1.4), "Several at once: demonstration 2 1.4 and order 0.6 nats, of a lead of 2.5"),
        (0.5, (2.5, -0.5), "Mostly: order 2.5 nats, of a lead of 2.5"),
    ):
        contest, parts = replace(nothing.contest, lead=2.5), replace(nothing.shares, factors=factors, nats=nats)
        told = replace(nothing, contest=contest, shares=replace(parts, rest=rest))
        assert headline(told) == f"{opening}; {tried} turns it."
        assert reading(told).endswith(f"{opening}; {tried} makes the answer {third}.")


def test_the_prompt_s_own_verdict_comes_first(explained: tuple[Session, Explanation]) -> None:
    _, found = explained
    leaning = replace(found, favourite=Favourite(0, 40, 40, 40, 20, None))
    sentence = "All 40 answers are Person, right for 20 of 40: it is answered too often."
    assert verdict(leaning.favourite, leaning.labels) == sentence
    assert reading(leaning).startswith(sentence)
    some = Favourite(1, 35, 60, 35, 0, None)
    assert verdict(some, found.labels).startswith("35 of 60 answers are Location, right for 0 of 35")
    assert verdict(Favourite(1, 9, 9, 0, 0, None), found.labels) == "All 9 answers are Location."
    assert verdict(Favourite(1, 9, 9, 2, 2, None), found.labels) == "All 9 answers are Location, right for 2 of 2."
    undone = replace(some, undone=Undoing("batch", mends=True))
    sentence = "Dividing out the batch prior, which fixes more answers than it breaks, fixes this answer too."
    assert sentence in verdict(undone, found.labels)
    assert verdict(None, found.labels) == ""


def test_two_labels_and_one_demonstration_are_told_as_they_are(prompt: Prompt, tiny: Tiny) -> None:
    one = replace(prompt, demonstrations=(prompt.demonstrations[1],))
    found = Session(one, tiny()).explanation(0)
    assert found.order.turned is None
    assert any("there is no other one" in text for text in not_asked(found))
    assert any("one demonstration" in text for text in found.missing)
    labels = prompt.labels[:2]
    two = replace(
        prompt,
        labels=labels,
        demonstrations=prompt.demonstrations[:2],
        queries=(Example("Who ?", None), Example("Where ?", None)),
    )
    found = Session(two, tiny()).explanation(0)
    rows = {row.name: row for row in findings(found)}
    assert found.classes.removed is None
    assert any("two classes have one" in text for text in found.missing)
    assert not any("no demonstration" in text for text in found.missing)
    assert "The only other order answers" in rows["order"].sentence
    assert "distance" not in rows["classes"].sentence
    assert "1 sampled orders" not in reading(found)
    assert "taking" in " ".join(not_asked(found))
    for row in rows.values():
        assert row.sentence
        assert row.number != "-"
        assert row.scale != "-"


def test_the_whole_prompt_s_cause_is_told_before_the_query_s_own(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    overview = session.overview()
    stability = overview.stability
    assert stability is not None
    answer = found.contest.answer
    wrong = replace(found, contest=replace(found.contest, gold=found.contest.rival))
    drawn = replace(overview, shown=(answer,) * 3, stability=replace(stability, last=answer))
    run = found.order.runs[0]
    other = "For this query another cause comes first:"
    for causes, opening in (
        ((Cause("recency", run, 1.0, True, ""),), "So too for this query:"),
        ((Cause("majority", run, 1.0, True, ""),), "So too for this query:"),
        ((Cause("prior", run, 1.0, True, ""),), other),
    ):
        with_cause = replace(wrong, causes=causes)
        vars(drawn)["causes"] = (PromptCause("majority", answer, 0.5),)
        assert prompt_wide(with_cause, drawn).endswith(opening if causes[0].kind == "majority" else other)
        vars(drawn)["causes"] = (PromptCause("recency", answer, 0.5),)
        vars(drawn)["recency"] = Recency(0.9, 0.1, 0.01, 9)
        said = prompt_wide(with_cause, drawn)
        assert said.startswith(
            f"Over {len(stability.queries)} queries (Overview): The class whose demonstrations come last"
        )
        assert said.endswith(opening)
        vars(drawn)["causes"] = (PromptCause("recency", answer, 0.5), PromptCause("majority", answer, 0.4))
        said = prompt_wide(with_cause, drawn)
        assert said.endswith(opening)
        assert ("which draws answers to it" in said) == (causes[0].kind == "majority")  # the sentence that is alike
    assert prompt_wide(replace(found, contest=replace(found.contest, gold=answer)), drawn) == ""
    assert prompt_wide(wrong, overview) == prompt_wide(wrong, None) == ""


def test_a_doubted_label_that_bears_on_the_answer_is_told(explained: tuple[Session, Explanation]) -> None:
    session, found = explained
    overview = replace(session.overview())
    answer, rival = found.contest.answer, found.contest.rival
    wrong = replace(found, contest=replace(found.contest, gold=rival), causes=())
    third = next(label for label in range(3) if label not in (answer, rival))
    for shown, reads, told in (((third,), rival, True), ((answer,), third, True), ((third,), answer, False)):
        doubting = replace(overview, shown=shown)
        vars(doubting)["doubts"] = (Doubt(0, reads, 4.0),)
        names = found.labels[shown[0]], found.labels[reads]
        said = "Demonstration 1 ({}) reads like the queries of {} (Overview).".format(*names)
        assert doubted(wrong, doubting) == (said if told else "")
        own = Cause("demonstration", found.order.runs[0], 1.0, True, "", 0)
        assert doubted(replace(wrong, causes=(own,)), doubting) == ""  # said already
        right = replace(wrong, contest=replace(found.contest, gold=answer))
        assert doubted(right, doubting) == ""
    assert doubted(wrong, None) == ""


def test_what_a_change_costs_the_other_queries_is_told_in_numbers(
    nothing: Evidence, explained: tuple[Session, Explanation]
) -> None:
    _, found = explained
    evidence = with_factor(nothing, Factor("word", "other words", words=NAMES), TURNS, HELPS)
    word = only(evidence)

    def told(*numbers: float, cause: Cause = word, every: Counts | None = None) -> str:
        gain, mended, harmed = numbers
        tried = Check(11, gain, 0.1, 0.5, int(mended), int(harmed), every)
        return cost_to_others(cause, replace(found, shares=evidence.shares, checks=(tried,)))

    assert (
        told(-0.1, 3, 6)
        == told(0.1, 3, 6)
        == ("of 11 other queries of the two labels it fixes 3 and breaks 6 (other labels are not asked)")
    )
    assert told(0.1, 3, 2, every=Counts(40, 4, 9)) == "of 40 other queries it fixes 4 and breaks 9"
    assert told(-0.1, 0, 0) == "other queries' right labels get less probable"
    assert told(0.1, 3, 3) == "queries of other labels are not asked"  # which may lose
    assert told(0.1, 3, 3, every=Counts(40, 4, 4)) == ""
    evidence = with_factor(nothing, Factor("prior", "contextual prior divided out", divided=True), TURNS, HELPS)
    prior = replace(word, kind="prior", confirmed_by=evidence.shares.alone(0))
    assert told(-0.1, 3, 6, cause=prior) != ""
    other = replace(
        prior, confirmed_by=replace(prior.confirmed_by, change="batch prior divided out")
    )  # not what the queries were asked with
    assert told(-0.1, 3, 6, cause=other) == ""


def test_a_demonstration_that_gets_another_label_may_have_the_right_one(
    nothing: Evidence, explained: tuple[Session, Explanation]
) -> None:
    _, found = explained
    effect = replace(found.demonstrations[0], odds=0.0, likelihood=0.0)
    for factor, odds, doubts in (
        (Factor("demonstration", "labelled", relabelled=0), 0.0, True),
        (Factor("demonstration", "labelled", relabelled=0), LIKELY, False),
        (Factor("demonstration", "left out", without=(0,)), 0.0, False),
    ):
        evidence = with_factor(nothing, factor, TURNS, HELPS)
        own = Cause("demonstration", evidence.shares.alone(0), 1.0, True, "", 0)
        shown = (replace(effect, odds=odds), *found.demonstrations[1:])
        told = replace(found, demonstrations=shown, shares=evidence.shares, checks=(None,))
        assert cautions(own, told) == ("its label may be right: read it first" if doubts else "")


def test_label_words_gather_too_little_only_where_the_flow_into_them_is_small(
    explained: tuple[Session, Explanation],
) -> None:
    _, found = explained
    wrong = replace(found, contest=replace(found.contest, gold=found.contest.rival))
    for supported in (True, False):
        cause = Cause("aggregation", found.order.runs[0], 1.0, supported, "")
        assert ("gather too little" in of_cause(cause, wrong)) == supported
