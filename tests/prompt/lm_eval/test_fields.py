"""Logs whose documents have several texts, or demonstrations of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from icldiag.prompt.lm_eval.choice import Choice
from icldiag.prompt.lm_eval.convert import import_log
from icldiag.prompt.read import read_prompt
from icldiag.prompt.write import as_yaml
from tests.prompt.lm_eval.logs import (
    CHOICES,
    SHOTS,
    TEXTS,
    context,
    row,
    scores,
    write,
)
from tests.prompt.lm_eval.test_convert import ANSWERS, complaint

PAIRS = (
    ("a dog runs", "an animal moves", 0),
    ("he sings", "he is silent", 1),
    ("she reads", "it is a novel", 2),
    ("snow falls", "it is cold", 0),
)


def pair_rows(shots: Sequence[tuple[str, str, int]] = PAIRS[:3]) -> list[dict[str, Any]]:
    """NLI: two texts of each document."""

    def written(premise: str, hypothesis: str) -> str:
        return f"Premise: {premise}\nHypothesis: {hypothesis}\nAnswer:"

    shown = "".join(f"{written(p, h)} {CHOICES[label]}\n\n" for p, h, label in shots)
    return [
        row(
            number,
            [(shown + written(p.upper(), h), f" {name}") for name in CHOICES],
            [[score, False] for score in scores(0)],
            str(label),
            doc={"premise": p.upper(), "hypothesis": h, "uid": str(number)},
        )
        for number, (p, h, label) in enumerate(PAIRS)
    ]


def test_several_texts_of_a_document_are_fields(tmp_path: Path) -> None:
    found = import_log(write(tmp_path, pair_rows()))
    prompt = found.prompt
    assert prompt.template == "Premise: {premise}\nHypothesis: {hypothesis}\nAnswer:{label}"
    assert prompt.fields == ("premise", "hypothesis")
    assert [example.texts for example in prompt.demonstrations] == [pair[:2] for pair in PAIRS[:3]]
    assert [query.texts for query in prompt.queries] == [(p.upper(), h) for p, h, _ in PAIRS]
    written = tmp_path / "prompt.yaml"
    written.write_text(as_yaml(prompt))
    assert read_prompt(written).hash == prompt.hash


def test_texts_that_cannot_be_told_apart_stay_one(tmp_path: Path) -> None:
    shots = [("one\nHypothesis: two", "three", 0), *PAIRS[1:3]]
    found = import_log(write(tmp_path, pair_rows(shots)))
    assert found.prompt.fields == ("text",)
    assert any("cannot be told apart in a demonstration" in note for note in found.notes)
    assert found.prompt.demonstrations[0].text == "one\nHypothesis: two\nHypothesis: three"


def test_each_document_with_its_own_demonstrations(tmp_path: Path) -> None:
    shots = [SHOTS[:2], SHOTS[1:], SHOTS[:2][::-1], (SHOTS[0], SHOTS[2])]
    made = [
        row(
            number,
            [(context(text, own), f" {name}") for name in CHOICES],
            [[score, False] for score in scores(answer)],
            str(gold),
            acc=float(answer == gold),
            acc_norm=1.0,
        )
        for number, ((text, gold), answer, own) in enumerate(zip(TEXTS, ANSWERS, shots, strict=True))
    ]
    path = write(tmp_path, made)
    assert "--per-document" in complaint(path)
    found = import_log(path, None, Choice(per_document=True))
    prompt = found.prompt
    assert prompt.demonstrations == ()
    assert [[(one.text, one.label) for one in query.demonstrations] for query in prompt.queries] == [
        list(own) for own in shots
    ]
    for query, one in zip(prompt.queries, made, strict=True):
        assert prompt.written(query) == one["arguments"]["gen_args_0"]["arg_0"]
    assert any("lm-eval's acc is 0.50 ('scoring: whole'), its acc_norm 1.00" in note for note in found.notes)
    written = tmp_path / "prompt.yaml"
    written.write_text(as_yaml(prompt))
    assert read_prompt(written).hash == prompt.hash
    wrong = import_log(path, None, Choice(per_document=True, only_wrong=True)).prompt
    assert [query.id for query in wrong.queries] == ["1", "3"]
    for example in wrong.examples:  # asked on the demonstrations of a document that does not show it
        assert example.demonstrations
        assert example.text not in [one.text for one in example.demonstrations]
