"""One pass at a time on a model, whichever sessions and threads ask."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from icldiag.analyses.isolation.compute import Isolate
from icldiag.analyses.isolation.cuts import Cut
from icldiag.errors import Cancelled
from icldiag.model.turns import Turns, ranked
from icldiag.prompt.edit import drop
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny

ROUNDS = 6


def everything(session: Session) -> list[np.ndarray]:
    """Passes that restart at a layer, keep inputs, run backward and narrow the head."""
    found = [session.prediction().probabilities, session.isolate(Cut.of("text_to_label", [1])).answers.probabilities]
    return [np.asarray(array) for array in (*found, session.flow(0).into_target)]


def test_sessions_that_share_a_model_do_not_share_a_pass(tiny: Tiny, prompt: Prompt) -> None:
    """Such as a pinned state and the present one, or a cancelled job that is still in its layer and the next one."""
    model = tiny()
    first = Session(prompt, model)
    prompts = [prompt, drop(prompt, 0)]
    expected = [everything(first.with_prompt(one)) for one in prompts]
    start = threading.Barrier(2)

    def again(which: int) -> list[list[np.ndarray]]:
        start.wait()
        return [everything(first.with_prompt(prompts[which])) for _ in range(ROUNDS)]

    with ThreadPoolExecutor(2) as threads:
        for one, rounds in zip(expected, threads.map(again, range(2)), strict=True):
            for found in rounds:
                for wanted, array in zip(one, found, strict=True):
                    np.testing.assert_array_equal(array, wanted)


def test_what_is_there_comes_at_once_while_another_session_computes(tiny: Tiny, prompt: Prompt) -> None:
    session = Session(prompt, tiny())
    changed = session.with_prompt(drop(prompt, 0))
    wanted = session.prediction()
    held, go = threading.Event(), threading.Event()

    def slow(what: str, done: int, total: int) -> None:
        held.set()
        assert go.wait(30)

    with ThreadPoolExecutor(2) as threads:
        computing = threads.submit(changed.prediction, slow)
        assert held.wait(30)
        assert threads.submit(session.prediction).result(30) is wanted
        assert threads.submit(lambda: session.encoded).result(30) is not None
        assert not computing.done()
        go.set()
        computing.result(30)


def test_who_waits_longest_is_next() -> None:
    turns, order, stop = Turns(), [], threading.Event()

    def greedy() -> None:
        while not stop.is_set():
            with turns, turns:  # re-entrant
                time.sleep(0.002)
                order.append("greedy")

    def patient() -> None:
        for _ in range(5):
            with turns.taken(lambda: order.append("waits")):  # said from the queue on, however late that is reached
                order.append("patient")

    threads = [threading.Thread(target=target) for target in (greedy, patient)]
    for thread in threads:
        thread.start()
    threads[1].join(30)
    stop.set()
    threads[0].join(30)
    assert order.count("patient") == 5
    for waited in " ".join(order).split("patient")[:5]:  # whoever holds the model ends, and nobody else comes between
        assert waited.partition("waits")[2].count("greedy") <= 1


def test_who_waits_for_a_turn_can_give_it_up(tiny: Tiny, prompt: Prompt) -> None:
    turns, asked, free = Turns(), threading.Event(), threading.Event()

    def give_up() -> None:
        asked.set()
        raise Cancelled("stopped")

    def wait() -> None:
        with turns.taken(give_up):
            raise AssertionError("it is not free")

    with ThreadPoolExecutor(2) as threads:
        with turns:
            waiting = threads.submit(wait)
            assert asked.wait(30)
            with pytest.raises(Cancelled):
                waiting.result(30)

        def next_one() -> None:
            with turns.taken(give_up):
                free.set()

        threads.submit(next_one).result(30)  # whoever gave up holds up nobody
    assert free.is_set()
    session = Session(prompt, tiny())
    told: list[str] = []

    def stop(what: str, done: int, total: int) -> None:
        told.append(what)
        raise Cancelled("stopped")

    with ThreadPoolExecutor(1) as threads, session.model.turns, pytest.raises(Cancelled):
        threads.submit(session.prediction, stop).result(30)
    assert told == ["waiting for its turn"]
    assert len(session.prediction()) == len(prompt.queries)


@pytest.mark.parametrize("round", range(3))
def test_threads_that_ask_one_session_at_once_get_the_same_answer(tiny: Tiny, prompt: Prompt, round: int) -> None:
    session, start = Session(prompt, tiny()), threading.Barrier(6)

    def ask(which: int) -> tuple[object, object]:
        start.wait()
        return session.prediction(), session.ask(Isolate(Cut("text_to_label", (1,))))

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(6)))
    assert answers[0][0] is not None and answers[0][1] is not None
    assert all(one is other for found in answers for one, other in zip(found, answers[0], strict=True))


def test_who_is_waited_for_goes_first_between_two_passes(tiny: Tiny, prompt: Prompt) -> None:
    """A panel that comes to the front does not wait for the whole of what was asked for before it."""
    session = Session(prompt, tiny())
    session.model.limits = replace(session.model.limits, first=1)
    background, front = session.with_prompt(drop(prompt, 0)), session.with_prompt(drop(prompt, 1))
    expected = [Session(drop(prompt, one), session.model).prediction().scores for one in (0, 1)]
    begun, asked, ended = threading.Event(), threading.Event(), []

    def slow(what: str, done: int, total: int) -> None:
        begun.set()
        assert asked.wait(30)

    def first() -> np.ndarray:
        scores = background.prediction(slow).scores
        ended.append("background")
        return scores

    def second() -> np.ndarray:
        with ranked(1):
            scores = front.prediction(lambda *told: asked.set()).scores
        ended.append("front")
        return scores

    with ThreadPoolExecutor(2) as threads:
        computing = threads.submit(first)
        assert begun.wait(30)
        found = threads.submit(second)
        np.testing.assert_allclose(computing.result(30), expected[0], atol=1e-5)
        np.testing.assert_allclose(found.result(30), expected[1], atol=1e-5)
    assert ended == ["front", "background"]


def test_nobody_comes_between_in_what_must_not_be_interrupted() -> None:
    """Such as a model whose weights are float32 for a while."""
    turns, order = Turns(), []

    def other() -> None:
        with ranked(1), turns:
            order.append("other")

    with ThreadPoolExecutor(1) as threads:
        with turns.taken(lambda: None):
            with turns:
                waits = threads.submit(other)
                while not turns.awaited:
                    time.sleep(0.001)
                turns.give_way()
                order.append("whole")
            turns.give_way()
            order.append("after")
        waits.result(30)
    assert order == ["whole", "other", "after"]


def test_who_gave_way_can_give_up() -> None:
    turns, holds, free = Turns(), threading.Event(), threading.Event()

    def other() -> None:
        with ranked(1), turns:
            holds.set()
            assert free.wait(30)

    def stop() -> None:
        if holds.is_set():
            raise Cancelled("stopped")

    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(Cancelled), turns.taken(stop), turns.taken(stop):
            waits = threads.submit(other)
            while not turns.awaited:
                time.sleep(0.001)
            turns.give_way()
        free.set()
        waits.result(30)
    with turns:  # nobody holds it
        pass


def test_one_at_a_time_whoever_gives_way() -> None:
    turns, inside, ends = Turns(), [], []

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(60):
            with ranked(chance.randrange(3)), turns.taken(lambda: None), turns.taken(lambda: None):
                for _ in range(chance.randrange(4)):
                    inside.append(number)
                    assert inside == [number]
                    inside.pop()
                    turns.give_way()
        ends.append(number)

    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(work, number) for number in range(6)]:
            done.result(60)
    assert sorted(ends) == list(range(6))
