"""Sentences about two models, from answers that are written here: what they claim is counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from icldiag.report.relative_depth import depth_part
from icldiag.report.two_models import leans, who_is_right


def pairs(gold: str, a: str, b: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """A letter a query; `-` is an unknown gold label."""
    return [
        tuple({"gold": None if known == "-" else known, "predicted": answer} for answer in answers)  # type: ignore[misc]
        for known, *answers in zip(gold, a, b, strict=True)
    ]


@pytest.mark.parametrize(
    ("gold", "a", "b", "words"),
    [
        (
            "PPPPPPPNNN",
            "NNNNNNNNNN",
            "PPPPPPPPPP",
            "Model b answers 7 queries right that model a answers wrong, and 3 the other way (McNemar's exact test, "
            "p = 0.34): accuracy 0.30 in a, 0.70 in b, of 10 labelled queries; 10 of 10 answers differ.",
        ),
        (
            "PPNN",
            "PPNN",
            "PPNP",
            "Model a answers 1 query right that model b answers wrong, and none the other way (McNemar's exact test, "
            "p = 1): accuracy 1.00 in a, 0.75 in b, of 4 labelled queries; 1 of 4 answers differ.",
        ),
        ("PN-", "PN-", "PNx", "Both models answer all 2 labelled queries right; 1 of 3 answers differ."),
        ("PN-", "PPP", "PPP", "Both models answer the same 1 of 2 labelled queries right; all answers are the same."),
        ("PN", "NP", "NP", "Neither model answers any of 2 labelled queries right; all answers are the same."),
        ("P-", "NP", "NN", "Neither model answers the labelled query right; 1 of 2 answers differ."),
        ("P-", "PP", "PP", "Both models answer the labelled query right; all answers are the same."),
        ("--", "PP", "PN", "1 of 2 answers differ; no query has the same gold label in both."),
        ("--", "PP", "PP", "All answers are the same; no query has the same gold label in both."),
        ("P", "N", "P", "Model a answers N, model b P; b is right."),
        ("P", "P", "N", "Model a answers P, model b N; a is right."),
        ("P", "N", "M", "Model a answers N, model b M; the gold label is P."),
        ("P", "P", "P", "Both models answer P; that is right."),
        ("P", "N", "N", "Both models answer N; the gold label is P."),
        ("-", "N", "N", "Both models answer N; no gold label is known."),
        ("-", "N", "P", "Model a answers N, model b P; no gold label is known."),
    ],
)
def test_who_is_right(gold: str, a: str, b: str, words: str) -> None:
    assert who_is_right(pairs(gold, a, b)) == words


def test_one_query_that_was_relabelled_has_no_winner() -> None:
    ((old, new),) = pairs("P", "N", "P")
    told = "Model a answers N, model b P; its gold label is not the same in both."
    assert who_is_right([(old, new | {"gold": "N"})]) == told


def priors(*of: list[float]) -> dict[str, Any]:
    kinds = ("contextual", "domain-context", "batch")
    found = [{"kind": kind, "texts": 3, "probabilities": one} for kind, one in zip(kinds, of, strict=False)]
    return {"overview": {"lean": {"priors": found}}, "prediction": {"labels": ["P", "N"]}}


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (priors([0.7, 0.3], [0.6, 0.4]), priors([0.9, 0.1]), "Both models lean to P."),
        (priors([0.7, 0.3]), priors([0.1, 0.9]), "Model a leans to P, model b to N."),
        # nats of two labels are the logarithm of their ratio: 0.501 / 0.499 is 0.004
        (
            priors([0.7, 0.3], [0.501, 0.499]),
            priors([0.1, 0.9]),
            "Model b leans to N; in model a no label is favoured by every measurement (by 0.05 nats or more).",
        ),
        (
            priors([0.7, 0.3]),
            priors([0.1, 0.9], [0.9, 0.1]),
            "Model a leans to P; in model b no label is favoured by every measurement (by 0.05 nats or more).",
        ),
        (
            priors([0.5, 0.5]),
            priors([0.1, 0.9], [0.9, 0.1]),
            "In neither model is one label favoured by every measurement (by 0.05 nats or more).",
        ),
        (priors([0.7, 0.3]), {"overview": None, "prediction": {"labels": ["P", "N"]}}, ""),
    ],
)
def test_which_label_they_lean_to(a: dict[str, Any], b: dict[str, Any], words: str) -> None:
    assert leans(a, b) == words


def depth(agreement: list[float], state: list[float | None]) -> dict[str, Any]:
    nothing = [None] * len(agreement)
    rows = {"accuracy": nothing, "auc": nothing, "state_auc": state, "agreement": agreement, "mass": agreement}
    return {"depth": rows}


def test_depth_is_relative_to_the_models_own_layers() -> None:
    a, b = depth([0.0, 0.5, 1.0], [0.5, 0.9, 0.8]), depth([0.0, 1.0, 0.5, 1.0, 1.0], [0.5, 0.6, 0.7, 0.9, 0.9])
    part = depth_part(a, b)
    assert part is not None
    assert part.reading == (
        "The states tell the labels apart best in model a at 0.50 of the depth (AUC 0.90), in model b at 0.75 of the "
        "depth (AUC 0.90)."
    )
    table = part.blocks[1]
    assert [row[:3] for row in table.rows] == [  # type: ignore[union-attr]
        ("a", 0, 0.0),
        ("a", 1, 0.5),
        ("a", 2, 1.0),
        *(("b", row, row / 4) for row in range(5)),
    ]
    (axes, *_) = part.blocks[0].draw().axes  # type: ignore[union-attr]
    lines: Any = [line for line in axes.lines if "states" in str(line.get_label())]
    drawn = {line.get_label(): line.get_xdata().tolist() for line in lines}
    assert drawn == {"AUC of the states a": [0, 0.5, 1], "AUC of the states b": [0, 0.25, 0.5, 0.75, 1]}


def test_without_gold_labels_depth_tells_where_the_answers_lead() -> None:
    unknown: list[float | None] = [None, None, None]
    part = depth_part(depth([0.0, 0.5, 1.0], unknown), depth([1.0, 1.0, 1.0], unknown))
    assert part is not None
    assert part.reading == (
        "By the lens every answer leads in model a from 1.00 of the depth on, in model b from 0.00 of the depth on."
    )
    part = depth_part(depth([0.0, 1.0, 0.8], unknown), depth([0.0, 1.0, 1.0], unknown))
    assert part is not None
    assert "in model a nowhere, as first tokens lead otherwise than whole label words" in part.reading
    assert depth_part(depth([1.0], unknown), {"depth": None}) is None
