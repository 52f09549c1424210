"""What the model would write: against transformers' own greedy generation, and the rule that finds a label in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from icldiag.analyses.generation.compute import MORE, Generation, label_said
from icldiag.prompt.schema import Label, Prompt
from icldiag.session import Session
from tests.conftest import Tiny
from tests.eager import ids_of

LABELS = (Label("card", " card"), Label("card payment", " card payment"), Label("ÄRZTE", " Ärzte"), Label("1", " 1"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" card", 0),
        ("Card.", 0),
        (" card payment, I think", 1),
        (" CARD PAYMENTS", 0),  # no whole word payment
        (" cards", None),
        ("ärzte", 2),
        (" 10", None),
        (" 1", 3),
        ("the card", None),
        ("", None),
    ],
)
def test_a_text_says_the_longest_label_that_it_begins_with(text: str, said: int | None) -> None:
    assert label_said(text, LABELS) == said


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "bloom"])
@pytest.mark.parametrize("shown", [True, False])
def test_the_same_tokens_as_transformers_generates(tiny: Tiny, prompt: Prompt, architecture: str, shown: bool) -> None:
    words = tuple(replace(label, word=word) for label, word in zip(prompt.labels, (" a", " sea", " b"), strict=True))
    asked = replace(prompt, labels=words, demonstrations=prompt.demonstrations if shown else (), scoring="whole")
    session = Session(asked, tiny(architecture))
    found = session.generation()
    most = max(map(len, session.encoded.label_tokens)) + MORE
    tokenizer = session.model.tokenizer
    for query in range(len(asked.queries)):
        ids = torch.tensor([ids_of(session.encoded, query)])
        with session.model.plain() as plain, torch.no_grad():
            whole = plain.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False)
        text = tokenizer.decode(whole[0, ids.shape[1] :], clean_up_tokenization_spaces=False)
        assert text.startswith(found.texts[query])
        blank = len(text) - len(text.lstrip())
        assert "\n" not in found.texts[query][blank:]
        if found.cut[query]:
            assert found.texts[query] == text
    assert found.scored == tuple(session.prediction().predicted)


def test_what_is_told(tiny: Tiny, prompt: Prompt) -> None:
    found = Session(prompt, tiny()).generation()
    assert isinstance(found, Generation)
    said = Generation(("a", "b"), (0, 1, None), (0, 0, 1), (" a", " B.", " drug"), (False, True, False), (0, 1, None))
    assert said.other == (1,)
    assert said.none == (2,)
    assert (said.right(said.said), said.right(said.scored)) == (1.0, 0.5)
    assert (
        "no label in 1 and another label than scores highest in 1, such as query 2: says ' B.' ..., scored a"
        in repr(said)
    )
    alike = replace(said, said=(0, 0, 1))
    assert "What the model would write is in all queries the label that scores highest." in repr(alike)
