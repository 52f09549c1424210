from __future__ import annotations

import random
from dataclasses import replace

import torch
from tokenizers import Tokenizer

from training.corpus import Dataset
from training.curriculum import MATURE, STAGES, Phase, Stage
from training.episodes import Answer, Episodes

MIX = {"clinc150": 1.0, "banking77": 1.0, "trec": 1.0, "news": 1.0, "dialogue": 1.0}
PHASE = Phase(steps=10, window=96, rows=4, adaptive=True, mix=MIX)


def rows(episodes: Episodes, stage: Stage, count: int) -> list[tuple[list[int], list[Answer]]]:
    rng = random.Random(5)
    return [episodes.row(rng, PHASE, stage) for _ in range(count)]


def test_rows_are_what_the_tokenizer_makes_of_the_whole_prompt(tokenizer: Tokenizer, datasets: list[Dataset]) -> None:
    episodes = Episodes(tokenizer, datasets, seed=0, context=512)
    whole = 0
    for ids, answers in rows(episodes, replace(MATURE, noisy=0.0), 60):  # noise parts words from their endings
        assert len(ids) == PHASE.window
        # Up to the last answer the row is whole; what follows may be cut within a word.
        ids = ids[: answers[-1].position + 1]
        assert tokenizer.encode(tokenizer.decode(ids)).ids == ids
        whole += len(ids) > 60
    assert whole > 40


def test_a_label_counts_only_when_its_class_and_another_were_shown(
    tokenizer: Tokenizer, datasets: list[Dataset]
) -> None:
    episodes = Episodes(tokenizer, datasets, seed=0, context=512)
    counted = skipped = 0
    for ids, answers in rows(episodes, MATURE, 60):
        seen: set[int] = set()
        for answer in answers:
            if answer.position + 1 < len(ids):
                assert ids[answer.position + 1] == answer.target
            due = answer.target in seen and len(seen) > 1
            assert set(answer.rivals) == (seen - {answer.target} if due else set())
            counted, skipped = counted + due, skipped + (not due)
            seen.add(answer.target)
    assert counted > 50 and skipped > 50


def test_batches_hold_label_rows_and_other_rows_apart(tokenizer: Tokenizer, datasets: list[Dataset]) -> None:
    episodes = Episodes(tokenizer, datasets, seed=0, context=512)
    batch = episodes.batch(7, PHASE, MATURE)
    flat = batch.ids.reshape(-1)
    real = batch.answer_weights > 0
    assert 0 < real.sum() <= len(real)
    inside = real & ((batch.answer_rows + 1) % PHASE.window > 0)
    assert torch.equal(flat[batch.answer_rows[inside] + 1], batch.answers[inside])
    assert (batch.rivals[real] >= 0).any(1).all()
    assert not (batch.rivals[real] == batch.answers[real, None]).any()
    assert torch.equal(flat[batch.other_rows + 1], batch.others)
    assert not set(batch.other_rows.tolist()) & set(batch.answer_rows[real].tolist())
    assert batch.positions.max() < 512 and (batch.positions.diff(dim=1) == 1).all()
    other = episodes.batch(8, PHASE, MATURE)
    assert [x.shape for x in vars(batch).values()] == [x.shape for x in vars(other).values()]
    assert not torch.equal(batch.ids, other.ids)


def test_batches_depend_on_seed_step_and_worker_only(tokenizer: Tokenizer, datasets: list[Dataset]) -> None:
    first, again = (Episodes(tokenizer, datasets, seed=0, context=512) for _ in range(2))
    first.batch(3, PHASE, MATURE)
    assert torch.equal(first.batch(4, PHASE, MATURE).ids, again.batch(4, PHASE, MATURE).ids)
    assert not torch.equal(first.batch(4, PHASE, MATURE, 0, 2).ids, first.batch(4, PHASE, MATURE, 1, 2).ids)


def test_the_first_stage_only_copies(tokenizer: Tokenizer, datasets: list[Dataset]) -> None:
    episodes = Episodes(tokenizer, datasets, seed=0, context=512)
    for ids, answers in rows(episodes, STAGES[0], 20):
        text = tokenizer.decode(ids[: answers[-1].position + 1])
        assert len({answer.target for answer in answers}) == 2
        repeated = [answer for answer in answers if answer.rivals]
        assert repeated and text
        for answer in repeated:
            before = ids[max(0, answer.position - 2) : answer.position + 1]
            earlier = [other for other in answers if other.position < answer.position and other.target == answer.target]
            assert any(ids[other.position - len(before) + 1 : other.position + 1] == before for other in earlier)
