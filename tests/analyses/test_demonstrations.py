"""Demonstrations: their values against a plain sum over all orders of prompts asked one by one."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from icldiag.analyses.demonstrations import DemonstrationValues, ValueDemonstrations
from icldiag.analyses.demonstrations import compute as demonstrations
from icldiag.analyses.demonstrations.reading import (
    reading,
    reading_of_left_out,
    reading_so_far,
    row_name,
)
from icldiag.analyses.estimates import mean_estimate
from icldiag.analyses.overview.compute import Perturb
from icldiag.analyses.overview.lean import LEAST_SHOWN
from icldiag.analyses.overview.stability import LeftOutSoFar, leads
from icldiag.errors import Cancelled
from icldiag.model.readout import FloatArray, silent
from icldiag.prompt.schema import Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.conftest import Tiny


def plain_lead(session: Session, places: tuple[int, ...]) -> np.ndarray:
    """Leads of all labelled queries after the demonstrations at these places, by a session of their own."""
    prompt = session.prompt
    shown = tuple(prompt.demonstrations[place] for place in sorted(places))
    labelled = [query for query in range(len(prompt.queries)) if prompt.queries[query].label is not None]
    scores = Session(replace(prompt, demonstrations=shown), session.model).prediction().scores[labelled]
    gold = [prompt.queries[query].label for query in labelled]
    return leads(scores, session.prediction().scores[labelled], gold)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_the_values_are_the_mean_over_all_orders(architecture: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny(architecture))
    found = session.demonstrations()
    assert found.exact and found.pairs == 0 and found.asked == 16
    count = len(prompt.demonstrations)
    known: dict[tuple[int, ...], np.ndarray] = {}

    def lead(places: tuple[int, ...]) -> np.ndarray:
        key = tuple(sorted(places))
        if key not in known:
            known[key] = plain_lead(session, key)
        return known[key]

    orders = list(permutations(range(count)))
    for place in range(count):
        added = [lead(order[: order.index(place) + 1]) - lead(order[: order.index(place)]) for order in orders]
        np.testing.assert_allclose(found.values[place], np.mean(added, axis=0), atol=1e-3)
    whole = found.stability.leads(found.stability.scores)
    np.testing.assert_allclose(found.values.sum(axis=0), whole - found.nothing, atol=1e-4)
    np.testing.assert_allclose(found.nothing, lead(()), atol=1e-3)
    for place in range(count):
        rest = tuple(other for other in range(count) if other != place)
        np.testing.assert_allclose(-found.stability.matrix[place], whole - lead(rest), atol=1e-3)


def test_drawn_orders_come_near_the_exact_values(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sum is exact after each pair, and the true values lie within a few standard errors."""
    session = Session(prompt, tiny())
    exact = session.demonstrations().values
    monkeypatch.setattr(demonstrations, "EXACT", 1)
    parts: list[DemonstrationValues] = []
    found = Session(prompt, session.model).demonstrations(pairs=40, each_pair=parts.append)
    assert [part.pairs for part in parts] == list(range(1, 41))
    assert not found.exact and np.isnan(parts[0].errors).all()
    whole = found.stability.leads(found.stability.scores)
    for part in (*parts[:3], found):
        np.testing.assert_allclose(part.values.sum(axis=0), whole - part.nothing, atol=1e-4)
    apart = np.abs(found.means - exact.mean(axis=1))
    assert (apart <= 4 * found.mean_errors + 1e-6).all()
    assert (np.abs(found.values - exact) <= 5 * found.errors + 1e-6).all()
    assert Session(prompt, session.model).demonstrations(pairs=40).values.tolist() == found.values.tolist()


def test_the_first_look_is_a_pair_of_orders_on_a_few_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes before the whole sample is asked, says how many queries it is of, and moves no later number."""
    monkeypatch.setattr(demonstrations, "FIRST", 3)
    monkeypatch.setattr(demonstrations, "EXACT", 1)
    session = planted("six labels")
    parts: list[DemonstrationValues] = []
    whole = session.demonstrations(queries=6, pairs=2, each_pair=parts.append)
    assert [len(part.stability.queries) for part in parts] == [3, 6, 6]
    first = parts[0]
    alone = planted("six labels").demonstrations(queries=3, pairs=1)
    np.testing.assert_allclose(first.values, alone.values, atol=1e-4)
    np.testing.assert_allclose(first.stability.matrix, alone.stability.matrix, atol=1e-4)
    named = (
        "A first look: no demonstration is named before 4 pairs of orders (mean of 3 queries, from 1 pair of orders)."
    )
    assert reading(first) == named and "emonstration 1" not in named
    assert "emonstration" in reading(planted("six labels").demonstrations(queries=6, pairs=4)).partition(")")[0]
    assert planted("six labels").demonstrations(queries=6, pairs=2).values.tolist() == whole.values.tolist()
    known = planted("six labels")
    known.ask(Perturb(6))
    parts.clear()
    known.demonstrations(queries=6, pairs=2, each_pair=parts.append)
    assert [len(part.stability.queries) for part in parts] == [6, 6]  # the leave-one-out matrix is there


def test_what_is_left_out_comes_row_by_row_before_the_orders(prompt: Prompt, tiny: Tiny) -> None:
    parts: list[LeftOutSoFar] = []
    found = Session(prompt, tiny()).ask(Perturb(), each=parts.append)
    plain = Session(prompt, tiny()).ask(Perturb())
    assert [len(part.stability.left_out) for part in parts] == [1, 2, 3, 4] and parts[-1].whole
    for row, part in enumerate(parts):
        assert not part.stability.orders
        np.testing.assert_allclose(part.stability.matrix[row], plain.matrix[row], atol=1e-4)
        first, second = reading_so_far(part, prompt.label_names)
        assert first.startswith(f"So far {row + 1} of 4 left out. ") == (row < 3)
        assert row == 3 or not second
    np.testing.assert_allclose(found.matrix, plain.matrix, atol=1e-4)
    assert len(found.orders) == len(plain.orders) > 0
    for ours, theirs in zip((*found.orders, *found.balanced), (*plain.orders, *plain.balanced), strict=True):
        assert ours.places == theirs.places
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)


def test_it_is_the_overviews_sample_and_can_be_stopped(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())

    def stop(what: str, done: int, total: int) -> None:
        if what.startswith("demonstrations: sets") and done > 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        session.demonstrations(progress=stop)
    found = session.demonstrations()
    assert found.stability is session.overview().stability


def planted(case: str) -> Session:
    session = Session(sample_path("sentiment" if case == "two labels" else "questions"), "bundled")
    prompt = session.prompt.with_queries(session.prompt.queries[:12])
    shown = prompt.demonstrations[:4]
    if case == "no gold labels":
        prompt = prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    if case == "one query":
        prompt = prompt.with_queries(prompt.queries[:1])
    if case in ("two demonstrations", "one demonstration"):
        shown = shown[: 2 if case == "two demonstrations" else 1]
    return session.with_prompt(replace(prompt, demonstrations=shown))


CASES = ("six labels", "two labels", "no gold labels", "one query", "two demonstrations", "one demonstration")


@pytest.mark.parametrize("case", CASES)
def test_the_sentences_hold(case: str) -> None:
    found = planted(case).demonstrations()
    told = reading(found)
    if case == "one demonstration":
        assert told == "There is one demonstration, or one class of many: nothing to divide the lead among."
        return
    sums = found.values.mean(axis=1)
    best, worst = int(sums.argmax()), int(sums.argmin())
    known = case != "no gold labels"  # else nobody can say what harms

    def verb(mean: float, nats: FloatArray) -> str:
        """What helps or harms is said where it surely does, by nats that are shown, as one picked of all rows."""
        one, classes = mean_estimate(nats, found.stability.classes), found.stability.classes
        freedom = len(nats) - len(set(classes.tolist()))
        wider = stats.t.ppf(1 - 0.025 / len(found.values), freedom) / stats.t.ppf(0.975, freedom) if freedom > 0 else 0
        surely = known and freedom > 0 and abs(mean) >= max(LEAST_SHOWN, (one.high - one.value) * wider)
        return ("helps: it gives" if mean >= 0 else "harms: it takes") if surely else "gives" if mean >= 0 else "takes"

    for row in {best, worst}:
        sign, each = 1 if sums[row] >= 0 else -1, found.values[row]
        classes = found.stability.classes
        if (freedom := len(each) - len(set(classes.tolist()))) > 0:
            within = sum(((each[classes == one] - each[classes == one].mean()) ** 2).sum() for one in set(classes))
            half = stats.t.ppf(0.975, freedom) * np.sqrt(within / freedom / len(each))
            low, high = abs(sums[row]) - half, abs(sums[row]) + half
            assert found.estimates[row].low == pytest.approx(sums[row] - half)
            unsure = ", so not surely" if low <= 0 else ""
            assert f"{sign * sums[row]:.2f} nats" in told and f"{low:.2f} to {high:.2f} over queries{unsure}" in told
    first = row_name(found, best)
    assert f"{first[0].upper()}{first[1:]} {verb(sums[best], found.values[best])} {abs(sums[best]):.2f} nats" in told
    assert f"{row_name(found, worst)} {verb(sums[worst], found.values[worst])} {abs(sums[worst]):.2f} nats" in told
    assert ("are right instead of" in told) == (case != "no gold labels")
    assert ("the answer's lead" in told) == (case == "no gold labels")
    alone, stands = reading_of_left_out(found.stability, found.labels)
    taken = found.stability.matrix.mean(axis=1)
    matrix = found.stability.matrix
    helps = verb(-taken.max(), matrix[taken.argmax()]) if taken.max() > 0 else "gives least,"
    assert f"{helps} {abs(taken.max()):.2f} nats of the lead" in alone
    several = len(found.stability.queries) > len(set(found.stability.classes.tolist()))
    assert ("over queries" in alone) == several
    assert bool(stands) == (found.stability.harmful is not None and found.stability.harmful == int(taken.argmax()))
    run = found.stability.left_out[0]
    told_of_one = reading_so_far(LeftOutSoFar(replace(found.stability, left_out=(run,)), len(taken)), found.labels)[0]
    does = verb(-taken[0], matrix[0])
    assert told_of_one.startswith(
        f"So far 1 of {len(taken)} left out. Demonstration 1 ({found.labels[run.label]}) {does} "
    )
    assert f" {abs(taken[0]):.2f} nats of the lead" in told_of_one
    if numbers := re.findall(r"and without it (\d+)% are right instead of (\d+)%", told):
        gold = [label for label in found.stability.gold if label is not None]
        left = found.stability.left_out[worst].predicted
        right = np.mean([a == b for a, b in zip(left, found.stability.gold, strict=True) if b is not None])
        assert int(numbers[0][0]) == pytest.approx(100 * right, abs=0.51) and gold


def test_a_wrong_label_stands_out() -> None:
    """On the bundled model: of six demonstrations the one with another class's label gives least."""
    session = Session(sample_path("questions"), "bundled")
    prompt = session.prompt.with_queries(session.prompt.queries[:24])
    shown = list(prompt.demonstrations)
    wrong = replace(shown[0], label=(shown[0].known_label + 1) % len(prompt.labels))
    harmed = session.with_prompt(replace(prompt, demonstrations=(wrong, *shown[1:])))
    found = harmed.demonstrations(pairs=4) if len(shown) > 6 else harmed.demonstrations()
    before = session.with_prompt(prompt).demonstrations(pairs=4)
    row = next(row for row, places in enumerate(found.without) if 0 in places)
    assert found.means[row] < before.means[row]


def test_a_sweep_keeps_the_means(prompt: Prompt, tiny: Tiny) -> None:
    from icldiag.analyses import ANALYSES

    keep: Any = ANALYSES["demonstrations"].numbers
    session = Session(prompt, tiny())
    assert keep(session, {}, 0, silent)["means"].tolist() == session.ask(ValueDemonstrations()).means.tolist()
