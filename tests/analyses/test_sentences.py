"""The sentences of predictions, flows, isolation, re-weighting and compression, on prompts that make them false.

Each claim is read off the sentence and computed again from the numbers in another way.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.compression import section as compression
from icldiag.analyses.isolation import section as isolation
from icldiag.analyses.isolation.cuts import CUT_NAMES, Cut, in_layers
from icldiag.analyses.isolation.section import Isolations
from icldiag.analyses.prediction.compute import Prediction
from icldiag.analyses.prediction.section import reading
from icldiag.analyses.reweighting.section import effect_in_words
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.analyses.saliency.section import FLOW_NAMES, reading_of_flows, reading_of_query
from icldiag.model.readout import FloatArray
from icldiag.prompt.schema import Example, Prompt
from icldiag.render.changes import tally
from icldiag.session import Session
from tests.analyses.test_prediction import made_up
from tests.conftest import Tiny

CASES = ("plain", "two labels", "one query", "no gold labels")


def changed(prompt: Prompt, case: str) -> Prompt:
    """The prompts on which sentences are most easily false."""
    if case == "two labels":
        few = tuple(one for one in prompt.demonstrations if one.label != 2)
        queries = tuple(one for one in prompt.queries if one.label != 2)
        return replace(prompt, labels=prompt.labels[:2], demonstrations=few, queries=queries)
    if case == "one query":
        return prompt.with_queries(prompt.queries[:1])
    if case == "no gold labels":
        return prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    return prompt


@pytest.mark.parametrize("case", CASES)
def test_errors_are_counted(case: str, prompt: Prompt, tiny: Tiny) -> None:
    found = Session(changed(prompt, case), tiny()).prediction()
    check_errors(found, reading(found))


def check_errors(found: Prediction, said: str) -> None:
    pairs = [
        (found.labels[int(answer)], found.labels[gold])
        for answer, gold in zip(found.predicted, found.gold, strict=True)
        if gold is not None and gold != answer
    ]
    labelled = sum(gold is not None for gold in found.gold)
    if not labelled:
        assert "no accuracy" in said
    elif not pairs:
        assert said.startswith("Nothing: ")
    else:
        assert said.startswith(f"{len(pairs)} of {labelled} labelled quer")
        most = max(pairs.count(pair) for pair in pairs)
        ties = sum(pairs.count(pair) == most for pair in set(pairs))
        if "the commonest error is" in said:
            assert ties == 1
            named = re.search(r"error is (.+) for (.+), (\d+) times", said)
            assert named is not None
            assert pairs.count((named[1], named[2])) == int(named[3]) == most
        if "are the commonest" in said:
            assert f"{ties} errors are the commonest, {most} times each" in said
    assert ("All " in said) == (len(found) > 1 and len(set(found.predicted.tolist())) == 1)
    assert ("less than all other tokens together" in said) == (sum(found.label_mass) / len(found) < 0.5)


def test_what_makes_answers_say_little_is_said() -> None:
    alike = replace(made_up(), predicted=np.ones(4, np.int64))
    assert "All 4 answers are b." in reading(alike)
    level = replace(made_up(), scores=np.zeros((4, 3)), label_mass=np.full(4, 0.012))
    assert "4 answers are a tie, which goes to the label that the prompt lists first." in reading(level)
    assert "The label words hold 1.2% of the probability" in reading(level)
    many = replace(
        made_up(), gold=(0, 1, 0, 1), predicted=np.array([1, 0, 1, 0]), texts=("",) * 4, probabilities=np.ones((4, 3))
    )
    assert "2 errors are the commonest, 2 times each, such as b for a." in reading(many)


@pytest.mark.parametrize("case", CASES)
def test_flows_are_named_where_they_are_largest(case: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(changed(prompt, case), tiny())
    found = session.saliency()
    check_flows(found.shares, reading_of_flows(found.shares, found.raw))
    for flow in found.queries:
        said, encoded = reading_of_query(flow, session.encoded), session.encoded
        through = dict.fromkeys(session.prompt.label_names, 0.0)
        for one in encoded.demonstrations:
            through[session.prompt.label_names[one.label_class]] += float(flow.into_target[:, one.anchor].sum())
        first = re.search(r"(\d+)% of that from (\w+)", said)
        assert first is not None
        assert through[first[2]] == max(through.values())
        assert int(first[1]) == pytest.approx(100 * through[first[2]] / sum(through.values()), abs=0.51)


def check_flows(shares: FloatArray, said: str) -> None:
    """Every layer stands under the flow whose share is the largest there."""
    where = said.removeprefix("The largest flow is ").split(". The share of")[0]
    told = {}
    for part in where.split("; "):
        name = next(flow for flow in FLOW_NAMES if part.startswith(flow))
        for run in part.split("layers " if "layers " in part else "layer ")[1].split(", "):
            start, _, stop = run.partition("-")
            told.update(dict.fromkeys(range(int(start), int(stop or start) + 1), FLOW_NAMES.index(name)))
    for layer, column in enumerate(shares.T):
        if np.isnan(column).all():
            assert layer not in told
        else:
            assert column[told[layer]] == column.max()
    peak = re.search(r"is highest in layer (\d+) \((.+)\)\.$", said)
    assert peak is not None
    assert shares[0, int(peak[1])] == np.nanmax(shares[0])
    assert peak[2] == f"{np.nanmax(shares[0]):.2f}"


def test_no_flow_at_all_is_said() -> None:
    assert reading_of_flows(np.full((3, 2), np.nan), np.zeros((3, 2))) == "Nothing flows in any layer."


@pytest.mark.parametrize("case", CASES)
def test_answers_that_stay_are_counted_one_by_one(case: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(changed(prompt, case), tiny())
    before = session.prediction().predicted.tolist()
    kinds = list(CUT_NAMES)[:2]
    sweeps = tuple(session.isolation(kind) for kind in kinds)
    said = isolation.reading(Isolations(sweeps))
    assert said.startswith(f"Of {len(before)} answer")
    layers = session.model.n_layers
    for kind in kinds:
        both = []
        for cut in (range(1), range(layers - 1, layers)):
            after = session.isolate(Cut.of(kind, cut)).answers.predicted.tolist()
            both.append(sum(old == new for old, new in zip(before, after, strict=True)))
        assert f"{CUT_NAMES[kind]} leaves {both[0]} and {both[1]}" in said


def test_layers_in_words() -> None:
    assert [in_layers(layers) for layers in ((), (3,), (0, 1, 5))] == ["no layer", "layer 3", "layers 0-1, 5"]


@pytest.mark.parametrize("case", CASES)
def test_the_effect_of_re_weighting_is_counted(case: str, prompt: Prompt, tiny: Tiny) -> None:
    examples = tuple(
        Example(f"{word} the river {number} ?", label)
        for label in range(3)
        for number, word in enumerate(("Who", "How"))
    )
    asked = changed(prompt, case)
    known = tuple(one for one in examples if one.label is not None and one.label < len(asked.labels))
    session = Session(replace(asked, examples=known), tiny())
    found = session.reweighting(TrainingSettings(per_class=2, epochs=3, learning_rate=0.3))
    said = effect_in_words(found.after)
    before, after = session.prediction(), session.with_beta(found.beta).prediction()
    if case == "no gold labels":
        moved = sum(a != b for a, b in zip(before.predicted, after.predicted, strict=True))
        assert said == f"changes {moved} of {len(before)} answers; no gold label says if for better"
        return
    assert f"{after.correct}" in said
    mended = sum(before.is_wrong(query) and not after.is_wrong(query) for query in before.labelled)
    broken = sum(after.is_wrong(query) and not before.is_wrong(query) for query in before.labelled)
    assert (f"{mended} fixed, {broken} broken" in said) or ("none fixed, none broken" in said and not mended + broken)
    if mended + broken < 6:
        assert "unlikely" not in said


@pytest.mark.parametrize("case", CASES)
def test_what_stays_under_compression_is_counted(case: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(changed(prompt, case), tiny())
    found = session.compression(draws=2)
    said = compression.reading(found)
    before = session.prediction().predicted.tolist()
    for name, method in (("Hidden_anchor", found.hidden_anchor), ("Text_anchor", found.text_anchor)):
        same = sum(a == b for a, b in zip(before, method.answers.predicted.tolist(), strict=True))
        assert re.search(rf"\b{same}( of {len(before)} answers?)?( stay)? \({name}\)", said)
    kept = sum((draw.answers.predicted == before).mean() for draw in found.random_draws) * len(before) / 2
    assert f"label words {kept:.1f} ± " in said
    assert said.endswith("(mean of 2 draws).")


def test_without_gold_labels_nothing_is_mended_or_broken() -> None:
    assert tally(3, 0, 0, 3) == "3 answers change; no gold label says if for better"
    assert tally(3, 1, 1, 1) == "3 answers change: + 1 fixed, x 1 broken, 1 without a gold label"
    assert tally(1, 1, 0) == "1 answer changes: + 1 fixed, x 0 broken"
