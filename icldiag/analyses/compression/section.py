"""The section on context compression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.compression.compute import Compress, Compression, Method
from icldiag.analyses.prediction.section import lengths
from icldiag.analyses.request import Workbench
from icldiag.counting import counted
from icldiag.model.readout import Progress
from icldiag.page.blocks import Block, Cell, Figure, Paragraph, Table, notes
from icldiag.page.figures import bars

METHODS = ("hidden_anchor", "text_anchor", "hidden_random_top")
MEASURES = ("label loyalty", "word loyalty", "accuracy")


class MethodFields(Fields):
    label_loyalty: float
    word_loyalty: float
    accuracy: float | None
    kept_positions: list[int] = Field(description="Positions of the demonstrations whose keys and values are kept.")
    probabilities: list[list[float]] = Field(description="(query, class)")


class DeviationFields(Fields):
    label_loyalty: float
    word_loyalty: float
    accuracy: float | None


class RandomFields(Fields):
    label_loyalty: float = Field(description="Mean over draws; so are the others.")
    word_loyalty: float
    accuracy: float | None
    deviation: DeviationFields
    draws: list[MethodFields]


class MethodsFields(Fields):
    hidden_anchor: MethodFields
    text_anchor: MethodFields
    hidden_random_top: MethodFields
    hidden_random: RandomFields


class BytesFields(Fields):
    before: int
    after: int


class SpeedUpFields(Fields):
    against_full_prompt: float
    against_full_cache: float
    queries: int
    rounds: int


class CompressionFields(SectionFields):
    methods: MethodsFields
    accuracy_full: float | None
    demonstration_tokens: int
    mean_query_tokens: float
    cache_bytes: BytesFields
    speed_up: SpeedUpFields | None
    missing: list[str] = Field([], description="What is undefined, and why.")


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


def reading(result: Compression, context: Context | None = None) -> str:
    """How many answers stay on the anchors alone, beside the baselines."""
    anchor, text, spread = result.hidden_anchor, result.text_anchor, result.hidden_random
    mean, deviation = spread.label_loyalty
    count = len(anchor.answers.predicted)
    over = f" ± {deviation * count:.1f} (mean of {spread.draws} draws)" if spread.draws > 1 else " (one draw)"
    return (
        f"On {len(anchor.kept_positions)} of the demonstrations' {counted(result.demonstration_tokens, 'position')}, "
        f"label words and template, {stay(anchor)} of {counted(count, 'answer')} stay (Hidden_anchor); as a prompt of "
        f"their own {stay(text)} (Text_anchor), with random words for the label words {mean * count:.1f}{over}."
    )


def stay(method: Method) -> int:
    """How many answers stay as they were."""
    return len(method.answers.predicted) - len(method.answers.flipped)


def blocks(result: Compression, context: Context | None = None) -> list[Block]:
    """Loyalties and accuracy per method, sizes and speed."""
    table = _methods(result)
    before, after = (size / 2**20 for size in result.cache_bytes)
    sizes = (
        f"Cache of the demonstrations {before:.2f} MiB before, {after:.2f} MiB after; queries have "
        f"{result.mean_query_tokens:.1f} tokens on average."
    )
    speed = result.speed_up
    if speed is not None:
        sizes += (
            f" A query is answered {speed.against_full_prompt:.1f} times as fast as with the whole prompt encoded "
            f"again, {speed.against_full_cache:.1f} times as fast as on the full cache (median of {speed.rounds} "
            f"alternating rounds over {counted(speed.queries, 'query')}; below 1 it is slower)."
        )
    draws: list[tuple[Cell, ...]] = [
        (draw, *_numbers(method)) for draw, method in enumerate(result.random_draws, start=1)
    ]
    return [
        Figure("methods", f"{table.caption} Whiskers: deviation over draws.", lambda: _draw(result)),
        table,
        Paragraph(sizes),
        Table("draws", "Hidden_random, draw by draw.", ("draw", *MEASURES), tuple(draws), place="aside"),
        *notes(result.missing),
    ]


def _numbers(method: Method) -> tuple[float, float, float | None]:
    return method.answers.label_loyalty, method.answers.word_loyalty, method.answers.accuracy


def _methods(result: Compression) -> Table:
    spread = result.hidden_random
    kept = len(result.hidden_anchor.kept_positions)
    accuracy = spread.accuracy or (None, None)
    mean, deviation = zip(spread.label_loyalty, spread.word_loyalty, accuracy, strict=True)
    rows: list[tuple[Cell, ...]] = [("full prompt", 1.0, 1.0, result.full.accuracy, result.demonstration_tokens)]
    for name, method in (("Hidden_anchor", result.hidden_anchor), ("Text_anchor", result.text_anchor)):
        rows.append((name, *_numbers(method), len(method.kept_positions)))
    rows.append((f"Hidden_random, mean of {spread.draws} draws", *mean, kept))
    rows.append(("Hidden_random, deviation", *deviation, None))
    top = result.hidden_random_top
    rows.append(("Hidden_random-top", *_numbers(top), len(top.kept_positions)))
    caption = f"What survives of the answers per method (word loyalty over top {result.top})."
    return Table("methods", caption, ("method", *MEASURES, "positions kept"), tuple(rows))


def _draw(result: Compression) -> Any:
    spread = result.hidden_random
    pairs = (spread.label_loyalty, spread.word_loyalty, spread.accuracy or (None, None))
    series = [
        ("Hidden_anchor", _numbers(result.hidden_anchor), None),
        ("Text_anchor", _numbers(result.text_anchor), None),
        ("Hidden_random", [mean for mean, _ in pairs], [deviation for _, deviation in pairs]),
        ("Hidden_random-top", _numbers(result.hidden_random_top), None),
    ]
    return bars(MEASURES, series)


def numbers(bench: Workbench, settings: Mapping[str, Any], seed: int, progress: Progress) -> dict[str, Any]:
    found = bench.ask(Compress(seed=seed, **settings), progress)
    spread, speed = found.hidden_random, found.speed_up
    return {
        "full": found.full.loyalties,
        "text_anchor": found.text_anchor.answers.loyalties,
        "hidden_random": {
            "label_loyalty": spread.label_loyalty[0],
            "word_loyalty": spread.word_loyalty[0],
            "accuracy": spread.accuracy[0] if spread.accuracy else None,
        },
        "hidden_random_top": found.hidden_random_top.answers.loyalties,
        "hidden_anchor": found.hidden_anchor.answers.loyalties,
        "speed_up": speed.against_full_prompt if speed else None,
        "speed_up_on_cache": speed.against_full_cache if speed else None,
        **lengths(bench.encoded),
    }


SECTION = Section(
    title="Context compression",
    question="How the model reads the prompt",
    fields=CompressionFields,
    requests=lambda context: [
        Compress(context.settings.positions, context.settings.draws, context.settings.draws_seed, context.settings.top)
    ],
    values=values,
    reading=reading,
    blocks=blocks,
    main="methods",
)

ANALYSIS = Analysis("compression", (Compression,), SECTION, numbers, ("draws", "positions", "timed", "top"))
