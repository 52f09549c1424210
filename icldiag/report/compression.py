"""The section on context compression."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from icldiag.analyses.compression import Compression, Method
from icldiag.report.text import notes, number, table
from icldiag.session import Session

METHODS = ("hidden_anchor", "text_anchor", "hidden_random_top")


def values(result: Compression) -> dict[str, Any]:
    """The section's JSON values, a member of `methods` per method."""
    spread = result.hidden_random
    return {
        "methods": {
            **{name: _method(getattr(result, name)) for name in METHODS},
            "hidden_random": {
                "label_loyalty": spread.label_loyalty[0],
                "word_loyalty": spread.word_loyalty[0],
                "accuracy": spread.accuracy[0] if spread.accuracy else None,
                "deviation": {
                    "label_loyalty": spread.label_loyalty[1],
                    "word_loyalty": spread.word_loyalty[1],
                    "accuracy": spread.accuracy[1] if spread.accuracy else None,
                },
                "draws": [_method(method) for method in result.random_draws],
            },
        },
        "accuracy_full": result.full.accuracy,
        "demonstration_tokens": result.demonstration_tokens,
        "mean_query_tokens": result.mean_query_tokens,
        "cache_bytes": {"before": result.cache_bytes[0], "after": result.cache_bytes[1]},
        "speed_up": asdict(result.speed_up) if result.speed_up else None,
        "missing": result.missing,
    }


def _method(method: Method) -> dict[str, Any]:
    return {
        "label_loyalty": method.answers.label_loyalty,
        "word_loyalty": method.answers.word_loyalty,
        "accuracy": method.answers.accuracy,
        "kept_positions": method.kept_positions,
        "probabilities": method.answers.probabilities,
    }


def markdown(result: Compression, session: Session) -> list[str]:
    """The section's lines: loyalties and accuracy per method, sizes and speed."""
    rows = [["full prompt", "1.00", "1.00", number(result.full.accuracy), str(result.demonstration_tokens)]]
    for name, title in zip(METHODS, ("Hidden_anchor", "Text_anchor", "Hidden_random-top"), strict=True):
        method: Method = getattr(result, name)
        answers = method.answers
        loyalties = [number(answers.label_loyalty), number(answers.word_loyalty), number(answers.accuracy)]
        rows.append([title.replace("_", r"\_"), *loyalties, str(len(method.kept_positions))])
    spread = result.hidden_random
    accuracy = spread.accuracy
    rows.insert(
        3,
        [
            f"Hidden\\_random, mean of {spread.draws} draws",
            _with_deviation(spread.label_loyalty),
            _with_deviation(spread.word_loyalty),
            _with_deviation(accuracy) if accuracy else "-",
            str(len(result.hidden_anchor.kept_positions)),
        ],
    )
    before, after = (size / 2**20 for size in result.cache_bytes)
    lines = [
        "## Context compression",
        "",
        *table(["method", "label loyalty", "word loyalty", "accuracy", "positions kept"], rows),
        f"Cache of the demonstrations {before:.2f} MiB before, {after:.2f} MiB after.",
        "",
        *notes(result.missing),
    ]
    speed = result.speed_up
    if speed is not None:
        lines += [
            f"A query is answered {speed.against_full_prompt:.1f} times as fast as with the whole prompt encoded "
            f"again, {speed.against_full_cache:.1f} times as fast as on the full cache (median of {speed.rounds} "
            f"alternating rounds over {speed.queries} queries). The demonstrations have {result.demonstration_tokens} "
            f"tokens, queries {result.mean_query_tokens:.1f} on average.",
            "",
        ]
    return lines


def _with_deviation(value: tuple[float, float]) -> str:
    return f"{value[0]:.2f} ± {value[1]:.2f}"
