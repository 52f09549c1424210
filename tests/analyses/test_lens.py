"""The logit lens against transformers' own hidden states, and its sentence against a plain walk over the layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from icldiag.analyses.lens import Lens, read_lens, reading, spellings
from icldiag.model.padding import batch_of
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of

LABELS = ("a", "b", "c")


def lens_of(session: Session, query: int) -> Lens:
    """The lens of a query, the whole prompt in one pass."""
    with torch.no_grad():
        run = session.model.run(batch_of([ids_of(session.encoded, query)], 0, session.model.device), keep_inputs=True)
    return read_lens(session.model, session.encoded, query, torch.cat([hidden[:, -1:] for hidden in run.inputs]))


@pytest.mark.parametrize(("architecture", "norm"), [("gpt2", "transformer.ln_f"), ("llama", "model.norm")])
def test_every_layer_is_unembedded_as_the_last_one(architecture: str, norm: str, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny(architecture))
    lens = lens_of(session, 1)
    model = session.model.model
    with torch.no_grad(), session.model.plain():
        states = model(torch.tensor([ids_of(session.encoded, 1)]), output_hidden_states=True).hidden_states
        normed = [model.get_submodule(norm)(state[0, -1]) for state in states[:-1]] + [states[-1][0, -1]]
        plain = torch.stack([model.get_output_embeddings()(state) for state in normed]).double().softmax(-1)
    firsts = [ids[0] for ids in session.encoded.label_tokens]
    np.testing.assert_allclose(lens.mass, plain[:, firsts].sum(-1).numpy(), atol=1e-5)
    differences = np.diff(lens.scores, axis=1)
    np.testing.assert_allclose(differences, np.diff(plain[:, firsts].log().numpy(), axis=1), atol=1e-3)
    decoded = [session.model.tokenizer.decode([token]) for token in plain.argmax(-1).tolist()]
    assert list(lens.likeliest) == decoded
    bare = {session.model.tokenizer.decode([token]).strip().casefold() for token in firsts}
    alike = [place for place in range(plain.shape[-1]) if text_of(session, place).strip().casefold() in bare]
    np.testing.assert_allclose(lens.spelled, plain[:, alike].sum(-1).numpy(), atol=1e-5)
    assert lens.on_label.tolist() == [token in alike for token in plain.argmax(-1).tolist()]


def text_of(session: Session, token: int) -> str:
    return str(session.model.tokenizer.decode([token]))


def test_another_spelling_of_a_label_word_can_be_read() -> None:
    """' positive' for ' Positive': the state says the label, and the last layers choose how it is written."""
    written = made("aaa", "--+")
    lens = replace(written, spelled=np.array([0.1, 0.5, 0.7]))
    assert written.readable.tolist() == [False, False, True]
    assert lens.readable.tolist() == [False, True, True]
    said = "label words hold 10% (10% in any case or spacing), at the end 60% (70%)"
    assert said in reading(lens, 0, LABELS)


def test_spellings_are_the_tokens_that_differ_in_case_and_spaces_alone() -> None:
    session = Session(sample_path("sentiment"), "bundled")
    firsts = [ids[0] for ids in session.encoded.label_tokens]
    bare = {text_of(session, token).strip().casefold() for token in firsts}
    every = [token for token in range(len(session.model.tokenizer)) if text_of(session, token).strip().lower() in bare]
    assert len(every) > len(firsts)
    assert spellings(session.model, firsts) == every


def test_a_calibration_is_taken_off_in_every_layer(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    prior = (0.5, 0.2, 0.3)
    calibrated = Session(replace(prompt, calibration=Calibration.dividing("batch", prior)), session.model)
    plain, found = (lens_of(one, 0) for one in (session, calibrated))
    np.testing.assert_allclose(plain.scores - found.scores, np.tile(np.log(prior), (len(plain.mass), 1)), atol=1e-9)


def made(leaders: str, readable: str) -> Lens:
    """A lens in which the named labels lead row by row; '-' marks what cannot be read."""
    scores = np.array([[1.0 if label == leader else 0.0 for label in LABELS] for leader in leaders])
    mass = np.array([0.1 if sign == "-" else 0.6 for sign in readable])
    return Lens(scores, mass, mass, tuple(":" for _ in leaders), np.zeros(len(leaders), np.bool_))


@pytest.mark.parametrize(
    ("leaders", "readable", "said"),
    [
        ("aaaa", "++++", "a leads all labels from before the first layer to the end (logit lens)."),
        (
            "aaaa",
            "-+++",
            "a leads all labels from after layer 0 to the end (logit lens); the lens cannot be read just ",
        ),
        (
            "abca",
            "++++",
            "a leads all labels from after layer 2 to the end (logit lens); after layer 1 it does not lead c",
        ),
        (
            "aaba",
            "-+++",
            "a leads all labels from after layer 2 to the end (logit lens); after layer 1 it does not lead b",
        ),
        (
            "aaaa",
            "---+",
            "The logit lens cannot say from which layer on a leads: after layer 1 the likeliest token",
        ),
        (
            "aaaa",
            "+-++",
            "a leads all labels from after layer 1 to the end (logit lens); the lens cannot be read just ",
        ),
        ("aaab", "++++", "By the first tokens of the label words a does not lead in the end: no layer decides."),
        (
            "bbaa",
            "++++",
            "a leads all labels from after layer 1 to the end (logit lens); after layer 0 it does not lead b",
        ),
    ],
)
def test_the_sentence_says_from_where_the_answer_leads_all_labels(leaders: str, readable: str, said: str) -> None:
    assert reading(made(leaders, readable), 0, LABELS).startswith(said)


def test_equal_scores_are_no_lead() -> None:
    level = replace(made("aa", "++"), scores=np.zeros((2, 3)))
    assert level.decided(0) is None
    assert "does not lead in the end" in reading(level, 0, LABELS)


def test_a_label_word_as_likeliest_token_can_be_read_at_any_mass() -> None:
    lens = replace(made("aaa", "--+"), on_label=np.array([False, True, True]))
    assert lens.readable.tolist() == [False, True, True]
    assert np.isnan(lens.leads(0, 1)).tolist() == [True, False, False]


@pytest.mark.parametrize("sample", ["questions", "sentiment"])
def test_on_the_bundled_model_the_sentence_holds_row_by_row(sample: str) -> None:
    session = Session(sample_path(sample), "bundled")
    for query in (0, 7):
        check_rows(session, query)


def check_rows(session: Session, query: int) -> None:
    """Walk up from the output as long as the answer leads and the lens can be read: there the sentence's claim ends."""
    prediction = session.prediction()
    lens, answer = lens_of(session, query), int(prediction.predicted[query])
    row = len(lens.mass)
    while row > 0:
        bare = lens.likeliest[row - 1].strip().casefold()
        speaks = bare in session_words(session) or lens.spelled[row - 1] >= lens.spelled[-1] / 2
        if not speaks or sorted(range(len(prediction.labels)), key=lambda c: -lens.scores[row - 1, c])[0] != answer:
            break
        row -= 1
    assert lens.decided(answer) == row
    where = f"after layer {row - 1}" if row else "before the first layer"
    said = reading(lens, answer, prediction.labels)
    assert f"from {where} to the end" in said or (row == lens.layers and "cannot say from which layer on" in said)


def session_words(session: Session) -> set[str]:
    """The first tokens of the label words as text, in no case and without spaces."""
    return {session.model.tokenizer.decode([ids[0]]).strip().casefold() for ids in session.encoded.label_tokens}
