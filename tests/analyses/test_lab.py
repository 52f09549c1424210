"""The lab: a list that is asked in padded batches has the answers of single, whole, unpadded passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from icldiag.analyses import batches
from icldiag.analyses.isolation.edits import isolation_edit
from icldiag.analyses.lab import Inquiry, Lab, Question
from icldiag.analyses.reweighting.step import beta_edits
from icldiag.errors import Cancelled, PromptError
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits, merge_edits
from icldiag.model.forward import InstrumentedModel
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, silent
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.prompt.test_chat import chatty

ARCHITECTURES = [
    *("gpt2", "gptj", "gpt_neo", "gpt_neox", "bloom", "mpt", "falcon_rw", "opt", "llama", "llama4_text", "mistral"),
    *("gemma2", "gemma4_text", "gpt_oss", "deepseek_v3"),
]
CLOSE = 5e-5  # random weights: scores are of the order of 30


def lab_of(prompt: Prompt, model: InstrumentedModel, beta: Any = None) -> Lab:
    session = Session(prompt, model)
    return Lab(model, session.encoded, session.prefix(silent), beta)


@torch.no_grad()
def alone(model: InstrumentedModel, question: Question) -> FloatArray:
    """Label scores (n, C): every label word of every query in a pass of its own, from the first token on."""
    prompt = question.prompt
    encoded = encode(prompt, *model.reader)
    target = question.target_edits
    if question.beta is not None:
        target = merge_edits(target, beta_edits(encoded, torch.from_numpy(question.beta)))
    scores: list[list[float]] = []
    for query in encoded.queries:
        ids = [*encoded.prefix, *query.ids]
        scores.append([])
        for word in encoded.label_tokens:
            read = word if prompt.scoring == "whole" else word[:1]
            end = len(ids) + len(read) - 1
            edits = joined(question.prefix_edits, target, torch.arange(len(ids) - 1, end))
            edits |= joined(edits, question.query_edits, torch.arange(len(encoded.prefix), end))
            logits = model.run(batch_of([[*ids, *read[:-1]]], 0), edits=edits, keep=len(read)).logits[0].double()
            if prompt.scoring == "whole":
                logits = logits.log_softmax(-1)
            scores[-1].append(sum(float(logits[place, token]) for place, token in enumerate(read)))
    bias = prompt.calibration.bias if prompt.calibration else 0.0
    found: FloatArray = np.array(scores) + np.array(bias)
    return found


def joined(others: Edits, edits: Edits, rows: torch.Tensor) -> dict[int, Edit]:
    """Edits of other rows and of these; no question here has both in one layer."""
    assert not set(others) & set(edits)
    placed = {}
    for layer, edit in edits.items():
        blocked = None if edit.blocked is None else edit.blocked[:1].expand(len(rows), -1)
        placed[layer] = replace(edit, rows=rows, blocked=blocked)
    return {**others, **placed}


def a_list(lab: Lab) -> list[Question]:
    """Every kind of question that explanations and repairs ask."""
    queries, encoded, heads = lab.prompt.queries, lab.encoded, lab.model.n_heads
    hidden = torch.zeros(1, len(encoded.prefix), dtype=torch.bool)
    hidden[0, slice(*encoded.demonstrations[1].span)] = True
    silent_head = torch.ones(heads, len(encoded.prefix) + 4)
    silent_head[1] = 0.0
    doubled = torch.ones(heads, len(encoded.prefix))
    doubled[:, slice(*encoded.demonstrations[2].text)] = 2.0
    first_row = torch.tensor([0])
    rows = torch.arange(*encoded.demonstrations[2].label)
    isolated = isolation_edit(encoded, [encoded.demonstrations[place].label for place in (0, 3)])
    cut = isolation_edit(encoded, [encoded.demonstrations[1].label], renormalise=False)
    questions = [
        lab.question(queries),
        lab.question(queries[:1], [3, 2, 1, 0]),
        lab.question(queries[1:5], [1, 0, 3, 2]),
        lab.question([*queries[:2], Example("", None)], [0, 2, 3]),
        lab.question(queries[:1], [2]),
        lab.question(queries[2:3], labels={1: 2}),
        lab.question(queries[:2], [0, 1, 3, 2], {3: 1}),
        lab.question([Example("", None), Example("N/A", None)]),
        lab.question(queries[:1], target_edits=dict.fromkeys(range(lab.model.n_layers), Edit(first_row, hidden))),
        lab.question(queries[:1], target_edits={1: Edit(first_row, factor=silent_head)}),
        lab.question(queries[:1], target_edits={2: Edit(first_row, hidden, renormalise=False)}),
    ]
    if lab.beta is None:
        questions += [
            lab.question(queries[:1], prefix_edits={0: isolated, 1: isolated}),
            lab.question(queries[:3], prefix_edits={1: Edit(rows, factor=doubled)}),
            lab.question(queries[1:2], prefix_edits={0: cut}, target_edits={2: Edit(first_row, hidden)}),
            lab.question(queries[:3], query_edits=dict.fromkeys((0, 2), Edit(first_row, hidden))),
            lab.question(queries[:1], query_edits=dict.fromkeys((0, 1), Edit(first_row, factor=doubled))),
        ]
    return questions


def check(lab: Lab, questions: Sequence[Question]) -> None:
    for question, found in zip(questions, lab.ask(questions), strict=True):
        np.testing.assert_allclose(found, alone(lab.model, question), atol=CLOSE, rtol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_list_is_answered_as_single_passes_answer_it(architecture: str, prompt: Prompt, tiny: Tiny) -> None:
    lab = lab_of(prompt, tiny(architecture))
    check(lab, a_list(lab))


@pytest.mark.parametrize("one_batch", [False, True])
@pytest.mark.parametrize("architecture", ["gpt2", "bloom", "mistral"])
def test_whole_words_with_a_calibration_and_a_beta(
    architecture: str, one_batch: bool, prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (Label("Person", " Person"), Label("Location", " Personal"), Label("Number", " Number Location"))
    calibration = Calibration.dividing("batch", [0.5, 0.2, 0.3])
    whole = replace(prompt, labels=words, scoring="whole", calibration=calibration)
    model = tiny(architecture)
    beta = np.random.default_rng(0).normal(0, 1, (model.n_layers, model.n_heads, 4)).astype(np.float32)
    if one_batch:  # as on a GPU
        monkeypatch.setattr(batches.Work, "_worth_a_batch", lambda self, tokens: 2**30)
    for lab in (lab_of(whole, model), lab_of(whole, model, beta)):
        check(lab, a_list(lab))


def test_prompts_with_nothing_in_common_and_other_label_words(prompt: Prompt, tiny: Tiny) -> None:
    lab = lab_of(prompt, tiny("llama"))
    renamed = replace(prompt, labels=(Label("Person", " Entity"), *prompt.labels[1:]))
    other = replace(prompt, template="Review: {text}\nSentiment:{label}")
    check(lab, [Question(renamed), Question(other), *a_list(lab)[:2]])


def test_chat_prompts(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny("gpt2")
    model.tokenizer = chatty(
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    model.model.resize_token_embeddings(len(model.tokenizer))
    labels = tuple(replace(label, word=label.word.strip()) for label in prompt.labels)
    lab = lab_of(replace(prompt, chat=True, labels=labels, template="Question: {text}\n{label}"), model)
    check(lab, a_list(lab))


def test_what_cannot_be_asked_is_said_before_anything_runs(prompt: Prompt, tiny: Tiny) -> None:
    lab = lab_of(prompt, tiny())
    good = lab.question(prompt.queries[:1], [1, 0])
    bad = lab.question([Example("Who " * 300, None)])
    with pytest.raises(PromptError, match="tokens"):
        lab.ask([good, bad])
    assert lab.answered == 0
    check(lab, [good])


def test_memory_that_runs_out_halves_the_batches(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(prompt, tiny())
    questions = a_list(lab)
    wanted = [alone(lab.model, question) for question in questions]
    run = InstrumentedModel.run

    def small(self: InstrumentedModel, batch: Any, **rest: Any) -> Any:
        if len(batch.ids) > 3:
            raise MemoryError
        return run(self, batch, **rest)

    monkeypatch.setattr(InstrumentedModel, "run", small)
    monkeypatch.setattr(batches, "_KEPT_BYTES", 2**16)  # a few changed demonstrations at a time
    for found, expected in zip(lab.ask(questions), wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=CLOSE)
    assert any("memory ran out" in note for note in lab.model.notes)


def test_progress_counts_tokens_within_a_pass_and_may_stop(prompt: Prompt, tiny: Tiny) -> None:
    lab = lab_of(prompt, tiny())
    told: list[tuple[int, int]] = []
    questions = a_list(lab)

    def stop(what: str, done: int, total: int) -> None:
        told.append((done, total))
        if done >= 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        lab.ask(questions, stop)
    assert told[0][0] == 0
    assert told[-1][0] < told[-1][1] / 2  # it stopped within a pass
    told.clear()
    assert len(lab.ask(questions, lambda what, done, total: told.append((done, total)))) == len(questions)
    assert told == sorted(told)
    (total,) = {total for _, total in told}
    assert told[-1] == (total, total)
    assert lab.answered == len(questions)


def test_inquiries_share_their_passes(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(prompt, tiny())
    asked: list[int] = []
    ask = lab.ask

    def watched(questions: Sequence[Question], progress: Any, each: Any) -> list[FloatArray]:
        asked.append(len(questions))
        return ask(questions, progress, each)

    monkeypatch.setattr(lab, "ask", watched)

    def inquiry(steps: int) -> Inquiry[list[float]]:
        found: list[float] = []
        for step in range(steps):
            (scores,) = yield [lab.question(prompt.queries[step : step + 1])]
            found.append(float(scores[0, 0]))
        return found

    none, one, two = lab.inquire([inquiry(0), inquiry(1), inquiry(2)])
    assert asked == [2, 1]
    wanted = Session(prompt, lab.model).prediction().scores[:, 0]
    assert none == []
    np.testing.assert_allclose([*one, *two], [wanted[0], *wanted[:2]], atol=CLOSE)


def test_an_inquiry_is_told_as_soon_as_its_own_questions_are_answered(prompt: Prompt, tiny: Tiny) -> None:
    lab = lab_of(prompt, tiny())
    told: list[tuple[int, Any]] = []

    def inquiry(rounds: int, each: int) -> Inquiry[float]:
        total = 0.0
        for step in range(rounds):
            answers = yield [lab.question(prompt.queries[step : step + 1], [step, number]) for number in range(each)]
            total += sum(float(scores[0, 0]) for scores in answers)
        return total

    found = lab.inquire([inquiry(2, 2), inquiry(0, 0), inquiry(1, 0), inquiry(1, 1)], each=lambda *of: told.append(of))
    assert [place for place, _ in told] == [1, 2, 3, 0]
    assert [value for _, value in sorted(told)] == found


def test_nothing_is_run_twice(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks again, edits made anew included, is told what was answered, and only what is new is run."""
    lab = lab_of(prompt, tiny())
    before, answered = lab.ask(a_list(lab)), lab.answered
    runs: list[int] = []
    run = InstrumentedModel.run

    def counted(self: InstrumentedModel, batch: Any, **rest: Any) -> Any:
        runs.append(len(batch.ids))
        return run(self, batch, **rest)

    monkeypatch.setattr(InstrumentedModel, "run", counted)
    again = lab.ask(a_list(lab))
    assert runs == []
    assert lab.answered == answered
    for old, new in zip(before, again, strict=True):
        np.testing.assert_array_equal(old, new)
    (more,) = lab.ask([lab.question([Example("Who was it ?", None), *prompt.queries[:2]])])  # the last two are known
    assert sum(runs) == 1
    np.testing.assert_array_equal(more[1:], before[0][:2])


@pytest.mark.parametrize("unlimited", [False, True])
def test_an_explanation_takes_a_handful_of_passes(
    unlimited: bool, prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(prompt, tiny())
    session.prediction()
    for layer in range(session.model.n_layers):
        session.confusion(layer)
    passes: list[int] = []
    run = InstrumentedModel.run

    def counted(self: InstrumentedModel, batch: Any, **rest: Any) -> Any:
        if rest.get("resume") is None:  # else states are read by the head alone, past all layers
            passes.append(len(batch.ids))
        return run(self, batch, **rest)

    monkeypatch.setattr(InstrumentedModel, "run", counted)
    if unlimited:  # as on a large GPU
        monkeypatch.setattr(batches, "rows_per_batch", lambda *sizes: 10**6)
        monkeypatch.setattr(batches.Work, "_worth_a_batch", lambda self, tokens: 2**30)
    for query in range(3):
        passes.clear()
        session.explanation(query)
        assert len(passes) <= (8 if unlimited else 12)
