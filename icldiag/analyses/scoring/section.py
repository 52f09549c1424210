"""The section on scorings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.effect import mcnemar
from icldiag.analyses.scoring.compute import NAMES, Rescore, Scorings, Way
from icldiag.counting import counted, joined
from icldiag.page.blocks import Block, Table, notes


class WayFields(Fields):
    scoring: str
    predicted: list[str] | None = Field(description="Class names, in the order of the queries; null: cannot be asked.")
    changed: int | None = Field(description="Answers that differ from the prompt's own scoring.")
    accuracy: float | None
    mended: int | None
    broken: int | None
    missing: str | None = Field(description="Why it cannot be asked.")


class ScoringFields(SectionFields):
    scoring: str = Field(description="The prompt's own.")
    calibration_left_out: bool
    ways: list[WayFields]


def values(result: Scorings) -> dict[str, Any]:
    """The section's JSON values."""
    return {
        "scoring": result.own,
        "calibration_left_out": result.calibrated,
        "ways": [
            {
                "scoring": way.scoring,
                "predicted": None if way.predicted is None else [result.labels[label] for label in way.predicted],
                "changed": result.changed(way),
                "accuracy": result.accuracy(way),
                **dict(zip(("mended", "broken"), result.effect(way) or (None, None), strict=True)),
                "missing": way.missing,
            }
            for way in result.ways
        ],
    }


def reading(result: Scorings, context: Context | None = None) -> str:
    """Whether the answers hang on the scoring, and whether another one is right more often."""
    return " ".join(_sentences(result))


def _sentences(result: Scorings) -> Iterator[str]:
    n, others = (
        len(result.gold),
        [way for way in result.ways if way.scoring != result.own and way.predicted is not None],
    )
    without = ", without the calibration" if result.calibrated else ""
    if result.of(result.own).predicted is None:
        yield f"Undefined: {result.of(result.own).missing}."
        return
    if not others:
        yield "No other scoring can be asked of these label words."
        return
    moved = sorted(((result.changed(way) or 0, way) for way in others), key=lambda found: -found[0])
    moving = [(count, NAMES[way.scoring]) for count, way in moved if count]
    if not moving:
        which = f"{n} answers would all be the same" if n > 1 else "The answer would be the same"
        yield f"{which} under {counted(len(others), 'other scoring')}{without}."
        return
    if n == 1:
        ways = joined([name for _, name in moving], "or")
        yield f"The answer, scored {NAMES[result.own]}{without}, would change if scored {ways}."
    else:
        (count, name), *rest = moving
        told = joined(
            [f"{count} would change if scored {name}", *(f"{count} if scored {name}" for count, name in rest)]
        )
        yield f"Of {n} answers scored {NAMES[result.own]}{without}, {told}."
    before, best = result.accuracy(result.of(result.own)), _best(result, others)
    if before is not None and best is not None:
        mended, broken = result.effect(best) or (0, 0)
        chance = min(1.0, mcnemar(mended, broken) * len(others))
        yield (
            f"Right most often is scoring {NAMES[best.scoring]}, {result.accuracy(best):.2f} against {before:.2f}: "
            f"{mended} fixed, {broken} broken (McNemar's exact test, p = {chance:.2g} for {len(others)} scorings)."
        )


def _best(result: Scorings, others: list[Way]) -> Way | None:
    """The other scoring with the highest accuracy, where that is above the prompt's own."""
    before = result.accuracy(result.of(result.own)) or 0.0
    best = max(others, key=lambda way: result.accuracy(way) or 0.0)
    return best if (result.accuracy(best) or 0.0) > before else None


def blocks(result: Scorings, context: Context | None = None) -> list[Block]:
    """A row for each scoring."""
    rows = []
    for way in result.ways:
        name = way.scoring + (" (the prompt's)" if way.scoring == result.own else "")
        mended, broken = result.effect(way) or (None, None)
        rows.append((name, result.changed(way), result.accuracy(way), mended, broken))
    caption = "What each scoring answers, against the prompt's own."
    columns = ("scoring", "answers that differ", "accuracy", "fixed", "broken")
    missing = [f"{way.scoring}: {way.missing}" for way in result.ways if way.missing is not None]
    return [Table("scorings", caption, columns, tuple(rows)), *notes(missing)]


SECTION = Section(
    title="Scorings",
    question="What failed",
    fields=ScoringFields,
    requests=lambda context: [Rescore()],
    values=values,
    reading=reading,
    blocks=blocks,
    main="scorings",
)

ANALYSIS = Analysis("scoring", (Scorings,), SECTION)
