"""The section on what the model would write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Analysis, Context, Fields, Section, SectionFields
from icldiag.analyses.generation.compute import Generate, Generation
from icldiag.counting import counted
from icldiag.indices import query_index
from icldiag.page.blocks import Block, Table


class WrittenFields(Fields):
    text: str = Field(description="Up to a line break, what ends a label, the end of text or the last token.")
    cut: bool = Field(description="Whether it was still going on at the last token.")
    says: str | None = Field(description="The class whose word it begins with, in any case; the longest of several.")
    scored: str
    gold: str | None


class GenerationFields(SectionFields):
    queries: list[WrittenFields]
    right_said: float | None = Field(description="Share of the labelled queries.")
    right_scored: float | None


def values(result: Generation) -> dict[str, Any]:
    """The section's JSON values."""
    names = result.labels
    return {
        "queries": [
            {
                "text": text,
                "cut": cut,
                "says": _named(names, said),
                "scored": names[scored],
                "gold": _named(names, gold),
            }
            for text, cut, said, scored, gold in zip(
                result.texts, result.cut, result.said, result.scored, result.gold, strict=True
            )
        ],
        "right_said": result.right(result.said),
        "right_scored": result.right(result.scored),
    }


def reading(result: Generation, context: Context | None = None) -> str:
    """Whether what the model would write are the labels that score highest."""
    return " ".join(_sentences(result))


def reading_of_query(result: Generation, query: int) -> str:
    """What the model would write after one query, beside the label that scores highest."""
    query = query_index(query, len(result))
    text, said, scored = result.texts[query], result.said[query], result.scored[query]
    written = f"After this query the model would write {text!r}" + (" ..." if result.cut[query] else "")
    if said == scored:
        return f"{written}, the label that scores highest."
    which = "no label" if said is None else result.labels[said]
    return f"{written}: {which}, where {result.labels[scored]} scores highest."


def differences(result: Generation) -> Iterator[str]:
    """In how many queries the label that scores highest is not written, in a sentence; none where it always is."""
    counts = [("no label", result.none), ("another label than scores highest", result.other)]
    parts = [f"{what} in {len(queries)}" for what, queries in counts if queries]
    if parts:
        yield f"Of {counted(len(result), 'query')} the model would write {' and '.join(parts)}."


def _sentences(result: Generation) -> Iterator[str]:
    found = "".join(differences(result)).removesuffix(".")
    if not found:
        where = "" if len(result) == 1 else "in all queries "
        yield f"What the model would write is {where}the label that scores highest."
        return
    example = (result.other or result.none)[0]
    yield f"{found}, such as query {example + 1}: {result.told(example)}."
    said, scored = result.right(result.said), result.right(result.scored)
    if said is not None and scored is not None:
        yield f"Right are {said:.2f} of the answers that it writes and {scored:.2f} of those that are scored."


def blocks(result: Generation, context: Context | None = None) -> list[Block]:
    """A row for each query whose text is not the label that scores highest."""
    names = result.labels
    rows = [
        (
            place + 1,
            result.texts[place],
            _named(names, result.said[place]),
            names[result.scored[place]],
            _named(names, result.gold[place]),
        )
        for place in sorted({*result.none, *result.other})
    ]
    caption = (
        "Queries whose text is not the label that scores highest. A text says a label where it begins with its word, "
        "in any case, and no letter or digit follows."
    )
    return [Table("written", caption, ("query", "the model writes", "says", "scored", "gold"), tuple(rows), limit=100)]


def _named(names: tuple[str, ...], label: int | None) -> str | None:
    return None if label is None else names[label]


SECTION = Section(
    title="What the model would write",
    question="What failed",
    fields=GenerationFields,
    requests=lambda context: [Generate()],
    values=values,
    reading=reading,
    blocks=blocks,
    main="written",
)

ANALYSIS = Analysis("generation", (Generation,), SECTION)
